"""Both libraries against the filter written out in float64, and against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.data import sampling
from gradus.data.sampling import in_strips, resample, with_pillow


def triangle(length, wanted, start, end):
    """(wanted, length) weights: a triangle of one source pixel, or of as many as the scale says."""
    scale = (end - start) / wanted
    wide = max(scale, 1)
    centres = start + (np.arange(wanted) + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs((np.arange(length) + 0.5 - centres[:, None]) / wide))
    return weights / weights.sum(axis=1, keepdims=True)


def expected(picture, size, box):
    left, top, right, bottom = box
    down = triangle(picture.shape[0], size[1], top, bottom)
    across = triangle(picture.shape[1], size[0], left, right)
    return np.einsum("yh,hw...,xw->yx...", down, picture.astype(float), across, optimize=True)


@pytest.mark.parametrize("how", [resample, with_pillow])
@pytest.mark.parametrize("shape", [(37, 50, 3), (37, 50), (5, 7, 3), (90, 3, 3)])
@pytest.mark.parametrize("size", [(24, 20), (60, 80), (1, 1)])
def test_pixels_are_those_of_the_filter(how, shape, size):
    picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    box = (0.25, 0.5, shape[1] - 0.5, shape[0] - 1.25)
    found = how(picture, size, box)
    assert found.dtype == np.uint8 and found.shape == (size[1], size[0], *shape[2:])
    assert np.abs(found - expected(picture, size, box)).max() <= 1.5  # two passes, each rounded


sides = st.integers(1, 80)


@given(sides, sides, sides, sides, st.floats(0, 0.4), st.floats(0.6, 1))
def test_both_agree_whatever_the_box(width, height, across, down, first, last):
    picture = np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8)
    box = (first * width, first * height, last * width, last * height)
    found, other = (how(picture, (across, down), box).astype(int) for how in (resample, with_pillow))
    assert np.abs(found - other).max() <= 1


def test_stripes_finer_than_the_target_become_gray():
    stripes = np.zeros((300, 300), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(resample(stripes, (90, 90), (0, 0, 300, 300)).astype(float) - 127.5).max() < 12
    assert np.ptp(stripes[:, :: 300 // 90][:90]) == 255  # what taking single pixels makes of it


def test_what_was_made_stays_when_more_is_made_of_the_same_size():
    chance = np.random.default_rng(3)
    pictures = [chance.integers(0, 256, shape, np.uint8) for shape in ((40, 30, 3), (40, 30), (25, 60, 3), (40, 30, 3))]
    boxes = [(0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])) for picture in pictures]
    found = [resample(picture, (16, 12), box) for picture, box in zip(pictures, boxes, strict=True)]
    for picture, box, one in zip(pictures, boxes, found, strict=True):
        assert np.abs(one - expected(picture, (16, 12), box)).max() <= 1.5


@pytest.mark.parametrize("how", [resample, with_pillow])
@pytest.mark.parametrize("shape", [(300, 200, 3), (300, 200)])
@pytest.mark.parametrize("size", [(40, 30), (40, 7), (40, 1), (250, 330), (1, 2)])
def test_strips_give_the_whole(monkeypatch, how, shape, size):
    """Noise is where a row too few or a place beside it would show."""
    monkeypatch.setattr(sampling, "STRIP", 30 * 200)
    heights = []

    def watched(part, *more):
        heights.append(len(part))
        return how(part, *more)

    picture = np.random.default_rng(4).integers(0, 256, shape, np.uint8)
    for box in ((0.0, 0.0, 200.0, 300.0), (10.25, 40.5, 180.75, 290.125)):
        found = in_strips(watched, picture, size, box).astype(int)
        assert found.shape == (size[1], size[0], *shape[2:])
        assert np.abs(found - expected(picture, size, box)).max() <= 1.5
        assert np.abs(found - how(picture, size, box)).max() <= 1
    if size[1] >= 30:
        assert max(heights) <= 45  # 30 rows, or one of the target and what the filter reaches


def test_a_large_picture_is_taken_in_strips():
    """Of 17 megapixels: smooth light, noise and edges."""
    y, x = np.mgrid[0:3400, 0:5000].astype(np.float32)
    picture = (120 + 90 * np.sin(x / 400) * np.cos(y / 300) + 30 * (x % 1500 > 700)).astype(np.uint8)
    picture += np.random.default_rng(6).integers(0, 15, picture.shape, np.uint8)
    box, size = (0.0, 100.5, 5000.0, 3300.5), (224, 224)
    assert picture.size >= sampling.LARGE
    assert np.abs(resample(picture, size, box).astype(int) - with_pillow(picture, size, box)).max() <= 1
