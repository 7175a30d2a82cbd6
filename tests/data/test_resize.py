"""Geometry against the reference's formulas worked by hand; pixels against Pillow on the whole picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradus.core.dataset import ResizeMode
from gradus.data.resize import fit, geometry

CROP, SQUASH, FILL, HALF = ResizeMode.CROP, ResizeMode.SQUASH, ResizeMode.FILL, ResizeMode.HALF_CROP


@pytest.mark.parametrize(
    ("size", "target", "mode", "scaled", "kept", "start"),
    [
        ((500, 375), (256, 256), SQUASH, (256, 256), (256, 256), (0, 0)),
        ((500, 375), (256, 256), CROP, (341, 256), (256, 256), (43, 0)),  # 85 over: 42.5 rounds to 43
        ((375, 500), (256, 256), CROP, (256, 341), (256, 256), (0, 43)),
        ((500, 375), (256, 256), FILL, (256, 192), (256, 192), (0, 0)),
        ((500, 371), (256, 256), FILL, (256, 190), (256, 190), (0, 0)),
        ((500, 373), (256, 256), FILL, (256, 192), (256, 192), (0, 0)),  # 191 is odd: one more
        ((375, 500), (256, 256), FILL, (192, 256), (192, 256), (0, 0)),
        ((500, 375), (256, 256), HALF, (293, 220), (256, 220), (19, 0)),  # r = 1.709; 37 over: 18.5 -> 19
        ((400, 100), (100, 100), HALF, (160, 40), (100, 40), (30, 0)),
        ((512, 384), (256, 192), CROP, (256, 192), (256, 192), (0, 0)),  # same shape
        ((10, 20), (28, 28), CROP, (28, 56), (28, 28), (0, 14)),  # upwards
        ((1, 20000), (28, 28), FILL, (2, 28), (2, 28), (0, 0)),
    ],
)
def test_geometry(size, target, mode, scaled, kept, start):
    plan = geometry(*size, target, mode)
    assert (plan.scaled, plan.kept, plan.start) == (scaled, kept, start)


sides = st.integers(1, 600)


@given(sides, sides, st.integers(1, 300), st.integers(1, 300), st.sampled_from(ResizeMode))
def test_geometry_always_fits(width, height, across, down, mode):
    plan = geometry(width, height, (across, down), mode)
    for i, side in enumerate((across, down)):
        assert 1 <= plan.kept[i] <= side
        assert plan.start[i] >= 0 and plan.start[i] + plan.kept[i] <= plan.scaled[i]
        assert (side - plan.kept[i]) % 2 == 0
    assert plan.kept == (across, down) or mode in (FILL, HALF)


def noise(width, height, channels=3):
    return np.random.default_rng(3).integers(0, 256, (height, width, 3) if channels == 3 else (height, width), np.uint8)


@pytest.mark.parametrize("mode", list(ResizeMode))
@pytest.mark.parametrize("size", [(50, 37), (37, 50), (20, 90), (7, 5)])
def test_pixels_are_those_of_the_whole_picture_scaled_cut_and_padded(mode, size):
    picture = noise(*size)
    plan = geometry(*size, (24, 20), mode)
    whole = np.asarray(Image.fromarray(picture).resize(plan.scaled, Image.Resampling.BILINEAR)).astype(int)
    (left, top), (across, down) = plan.start, plan.kept
    expected = np.zeros((20, 24, 3), int)
    y, x = (20 - down) // 2, (24 - across) // 2
    expected[y : y + down, x : x + across] = whole[top : top + down, left : left + across]
    found = fit(picture, 24, 20, 3, mode)
    assert found.shape == (20, 24, 3) and found.dtype == np.uint8
    assert np.abs(found - expected).max() <= 1  # the same filter, cut before instead of after


def test_bands_are_black():
    white = np.full((10, 40), 255, np.uint8)
    filled = fit(white, 20, 20, 1, FILL)[..., 0]
    assert (filled[:7] == 0).all() and (filled[7:13] == 255).all() and (filled[13:] == 0).all()


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_the_right_size_is_left_untouched(mode):
    picture = noise(16, 8)
    assert (fit(picture, 16, 8, 3, mode) == picture).all()


def test_gray_is_luminance_and_colour_is_gray_thrice():
    picture = noise(9, 9)
    expected = np.rint(picture.astype(float) @ (0.299, 0.587, 0.114))
    assert np.abs(fit(picture, 9, 9, 1, SQUASH)[..., 0] - expected).max() <= 1
    gray = noise(9, 9, 1)
    assert (fit(gray, 9, 9, 3, SQUASH) == gray[..., None]).all()


def test_a_very_long_picture_costs_little():
    assert fit(np.zeros((20000, 1, 3), np.uint8), 256, 256, 3, CROP).shape == (256, 256, 3)
