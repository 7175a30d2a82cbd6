"""Both libraries against the filter written out in float64, and against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.data.sampling import resample, with_pillow


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
    return np.einsum("yh,hw...,xw->yx...", down, picture.astype(float), across)


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
