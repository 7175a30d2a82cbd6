"""Nearest neighbours in closed form, and the geometry of the pictures they lie over."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.dataset import ResizeMode
from gradus.data.masks.resize import fit_mask
from gradus.data.resize import fit

CROP, SQUASH, FILL, HALF = ResizeMode.CROP, ResizeMode.SQUASH, ResizeMode.FILL, ResizeMode.HALF_CROP


def numbered(width, height):
    return np.arange(width * height, dtype=np.uint8).reshape(height, width)


def test_doubling_repeats_and_halving_takes_the_later_of_two():
    mask = numbered(4, 3)
    assert (fit_mask(mask, 8, 6, SQUASH) == mask.repeat(2, 0).repeat(2, 1)).all()
    # the centre of a target pixel lies on the border between two: the second begins there
    assert (fit_mask(numbered(8, 6), 4, 3, SQUASH) == numbered(8, 6)[1::2, 1::2]).all()
    assert (fit_mask(numbered(9, 6), 3, 2, SQUASH) == numbered(9, 6)[1::3, 1::3]).all()  # the middle of three


def test_three_to_two_by_hand():
    """Centres at 0.75 and 2.25 of 3: pixels 0 and 2. Two to three: centres at 1/3, 1 and 5/3: pixels 0, 1 and 1."""
    assert fit_mask(np.array([[10, 20, 30]], np.uint8), 2, 1, SQUASH).tolist() == [[10, 30]]
    assert fit_mask(np.array([[10, 20]], np.uint8), 3, 1, SQUASH).tolist() == [[10, 20, 20]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_as_opencv_has_it(width, height, across, down):
    mask = np.random.default_rng(3).integers(0, 256, (height, width), np.uint8)
    theirs = cv2.resize(mask, (across, down), interpolation=cv2.INTER_NEAREST_EXACT)
    found = fit_mask(mask, across, down, SQUASH)
    exact = [((2 * np.arange(n) + 1) * m % (2 * n) == 0) for n, m in ((down, height), (across, width))]
    tie = (
        exact[0][:, None] | exact[1][None]
    )  # the centre lies on a border, where OpenCV's fixed point may go either way
    assert ((found == theirs) | tie).all()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), st.sampled_from(ResizeMode))
def test_no_number_is_new(width, height, across, down, mode):
    mask = np.where(np.random.default_rng(5).random((height, width)) < 0.5, 3, 255).astype(np.uint8)
    found = fit_mask(mask, across, down, mode)
    assert found.shape == (down, across) and found.dtype == np.uint8
    assert set(np.unique(found)) <= {3, 255}


@pytest.mark.parametrize("mode", list(ResizeMode))
@pytest.mark.parametrize("size", [(60, 40), (40, 60), (33, 57)])
def test_a_mask_stays_over_its_picture(mode, size):
    """A white rectangle in a picture and in its mask lie on the same place, but for one pixel at its rim."""
    width, height = size
    picture = np.zeros((height, width), np.uint8)
    picture[10:25, 12:28] = 255
    mask = np.where(picture > 0, 1, 0).astype(np.uint8)
    fitted = fit(picture, 48, 48, 1, mode)[..., 0] > 127
    found = fit_mask(mask, 48, 48, mode)
    differs = (found == 1) != fitted
    rim = cv2.dilate(fitted.astype(np.uint8), np.ones((3, 3))) != cv2.erode(fitted.astype(np.uint8), np.ones((3, 3)))
    assert not differs[~rim].any() and fitted.sum() > 100


def test_bands_are_ignored():
    found = fit_mask(np.ones((10, 40), np.uint8), 20, 20, FILL)
    assert (found[:7] == 255).all() and (found[7:13] == 1).all() and (found[13:] == 255).all()
    assert (fit_mask(np.ones((10, 40), np.uint8), 20, 20, FILL, band=0)[:7] == 0).all()


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_the_right_size_is_left_untouched(mode):
    mask = numbered(16, 8)
    assert fit_mask(mask, 16, 8, mode) is mask
