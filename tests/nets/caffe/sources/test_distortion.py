from __future__ import annotations

import cv2
import numpy as np
import pytest

from gradus.core.errors import InputError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.distortion import distorted, noised


def distortion(**given: float):
    return message_class("DistortionParameter")(**given)


def noise(**given):
    return message_class("NoiseParameter")(**given)


@pytest.fixture
def picture(rng) -> np.ndarray:
    return rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("given", "table"),
    [
        ({"brightness_prob": 1, "brightness_delta": 32}, lambda v, d: v + d),
        ({"contrast_prob": 1, "contrast_lower": 0.5, "contrast_upper": 1.5}, lambda v, d: v * d),
    ],
)
def test_brightness_and_contrast_are_lines(picture, given, table):
    """All pixels are moved by one number of the range, rounded and kept within 0 to 255."""
    seen = []
    for seed in range(8):
        out = distorted(picture, distortion(**given), np.random.default_rng(seed)).astype(float)
        inner = (out > 0) & (out < 255) & (picture > 100)
        adds = "brightness_prob" in given
        each = out[inner] - picture[inner] if adds else out[inner] / picture[inner]
        value = np.median(each)
        low, high = (-32, 32) if adds else (0.5, 1.5)
        assert low <= value <= high
        np.testing.assert_allclose(out, np.clip(table(picture.astype(float), value), 0, 255), atol=1.3)
        seen.append(value)
    assert np.ptp(seen) > (high - low) / 4


@pytest.mark.parametrize(("given", "channel"), [
    ({"saturation_prob": 1, "saturation_lower": 0.5, "saturation_upper": 0.5}, 1),
    ({"hue_prob": 1, "hue_delta": 18}, 0),
])  # fmt: skip
def test_saturation_and_hue_are_opencvs(picture, given, channel):
    out = distorted(picture, distortion(**given), np.random.default_rng(1))
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(float)
    candidates = [0.5] if channel == 1 else np.arange(-18, 18.01, 0.01)
    errors = []
    for value in candidates:
        changed = hsv.copy()
        changed[..., channel] = np.rint(hsv[..., channel] * value if channel else hsv[..., channel] + value).clip(
            0, 255
        )
        theirs = cv2.cvtColor(changed.astype(np.uint8), cv2.COLOR_HSV2BGR)
        errors.append(np.abs(theirs.astype(int) - out).max())
    assert min(errors) == 0
    assert (out != picture).any()


def test_channels_change_places(picture):
    orders = set()
    for seed in range(40):
        out = distorted(picture, distortion(random_order_prob=1), np.random.default_rng(seed))
        orders.add(tuple(int(np.argmax([(out[..., c] == picture[..., k]).all() for k in range(3)])) for c in range(3)))
    assert len(orders) == 6


def test_nothing_happens_without_probability(picture):
    np.testing.assert_array_equal(distorted(picture, distortion(brightness_delta=9), np.random.default_rng(0)), picture)


def test_noise_in_closed_form(picture, rng):
    np.testing.assert_array_equal(noised(picture, noise(inverse=True), rng), 255 - picture)
    np.testing.assert_array_equal(noised(picture, noise(posterize=True), rng), picture // 64 * 64 + 32)
    gray = noised(picture, noise(decolorize=True), rng)
    np.testing.assert_allclose(gray[..., 0], picture @ [0.114, 0.587, 0.299], atol=0.51)
    assert (gray[..., 0] == gray[..., 2]).all()
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    eroded = noised(picture, noise(erode=True), rng)
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), constant_values=255)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
    np.testing.assert_array_equal(eroded, windows[..., cross].min(-1))


def test_blur_is_a_gaussian(rng):
    dot = np.zeros((15, 15, 3), np.uint8)
    dot[7, 7] = 255
    line = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.5**2))
    np.testing.assert_allclose(
        noised(dot, noise(gauss_blur=True), rng)[4:11, 4:11, 0], 255 * np.outer(line, line) / line.sum() ** 2, atol=1
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_equalised_lightness_covers_the_range(rng, channels):
    dull = rng.integers(100, 140, (32, 32, channels), dtype=np.uint8)
    for given in ({"hist_eq": True}, {"clahe": True}):
        out = noised(dull, noise(**given), rng)
        assert out.shape == dull.shape and np.ptp(out.mean(2)) > 1.5 * np.ptp(dull.mean(2))


def test_jpeg_loses_little(rng):
    smooth = cv2.resize(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8), (32, 32))
    good, bad = (noised(smooth, noise(jpeg=q), rng).astype(int) for q in (95, 3))
    assert 0 < np.abs(good - smooth).mean() < np.abs(bad - smooth).mean()


def test_pepper_covers_a_share(rng):
    black = np.zeros((50, 40, 3), np.uint8)
    p = noise(saltpepper=True)
    p.saltpepper_param.fraction = 0.1
    p.saltpepper_param.value.extend([10, 20, 30])
    out = noised(black, p, rng)
    hit = out.any(2)
    assert 150 < hit.sum() <= 200 and (out[hit] == [10, 20, 30]).all()


def test_other_colour_spaces(picture, rng):
    white = np.full((2, 2, 3), 255, np.uint8)
    np.testing.assert_array_equal(noised(white, noise(convert_to_hsv=True), rng)[0, 0], [0, 0, 255])
    np.testing.assert_allclose(noised(white, noise(convert_to_lab=True), rng)[0, 0], [100, 0, 0], atol=0.1)


def test_what_has_no_colours_or_is_not_in_bytes_is_refused(rng):
    with pytest.raises(InputError, match="no colours"):
        distorted(np.zeros((4, 4, 1), np.uint8), distortion(hue_prob=1, hue_delta=9), rng)
    with pytest.raises(InputError, match="decimal"):
        noised(np.zeros((4, 4, 3), np.float32), noise(inverse=True), rng)
