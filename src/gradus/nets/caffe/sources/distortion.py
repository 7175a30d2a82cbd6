"""SSD's changes of a picture's colours: `distort_param` and `noise_param` (catalogue 4.1). Nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gradus.core.errors import InputError

Picture = NDArray[Any]  # (H, W, C), uint8 BGR or gray
_SAME = 1e-3  # a contrast this close to 1 changes nothing
_LEVELS = np.arange(256, dtype=np.float64)


def distorted(picture: Picture, p: Any, random: Generator) -> Picture:
    """Brightness, contrast, saturation, hue and the order of the channels changed, each with its probability.

    Contrast comes second or fourth, by the toss of a coin. Hue is an 8-bit value of 2 degrees, which stops at the
    ends of its range, as in Caffe.
    """
    early = random.random() > 0.5
    steps: list[Callable[[Picture], Picture]] = [
        lambda x: _brightened(x, p, random),
        lambda x: _contrasted(x, p, random),
        lambda x: _saturated(x, p, random),
        lambda x: _turned(x, p, random),
        lambda x: _reordered(x, p, random),
    ]
    for step in (0, 1, 2, 3, 4) if early else (0, 2, 3, 1, 4):
        picture = steps[step](picture)
    return picture


def _scaled(plane: Picture, factor: float, more: float) -> Picture:
    """Each value times a factor and something more, rounded, within 0 to 255."""
    table = np.rint(_LEVELS * factor + more).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(plane), table)).reshape(plane.shape)


def _brightened(picture: Picture, p: Any, random: Generator) -> Picture:
    if random.random() >= p.brightness_prob:
        return picture
    return _scaled(_bytes(picture), 1.0, random.uniform(-p.brightness_delta, p.brightness_delta))


def _contrasted(picture: Picture, p: Any, random: Generator) -> Picture:
    if random.random() >= p.contrast_prob:
        return picture
    factor = random.uniform(p.contrast_lower, p.contrast_upper)
    return _scaled(_bytes(picture), factor, 0.0) if abs(factor - 1) > _SAME else picture


def _saturated(picture: Picture, p: Any, random: Generator) -> Picture:
    if random.random() >= p.saturation_prob:
        return picture
    factor = random.uniform(p.saturation_lower, p.saturation_upper)
    return _in_hsv(picture, 1, factor, 0.0)


def _turned(picture: Picture, p: Any, random: Generator) -> Picture:
    if random.random() >= p.hue_prob:
        return picture
    return _in_hsv(picture, 0, 1.0, random.uniform(-p.hue_delta, p.hue_delta))


def _reordered(picture: Picture, p: Any, random: Generator) -> Picture:
    if random.random() >= p.random_order_prob:
        return picture
    return np.ascontiguousarray(_colour(picture)[..., random.permutation(3)])


def _in_hsv(picture: Picture, channel: int, factor: float, more: float) -> Picture:
    hsv = cv2.cvtColor(_colour(picture), cv2.COLOR_BGR2HSV)
    hsv[..., channel] = _scaled(hsv[..., channel], factor, more)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)


def _bytes(picture: Picture) -> Picture:
    if picture.dtype != np.uint8:
        raise InputError("A picture of decimal values cannot be distorted", hint="Remove distort_param or noise_param.")
    return picture


def _colour(picture: Picture) -> Picture:
    if picture.shape[2] != 3:
        raise InputError(
            f"A picture of {picture.shape[2]} channels has no colours to distort", hint="Set force_color: true."
        )
    return np.ascontiguousarray(_bytes(picture))


def noised(picture: Picture, p: Any, random: Generator) -> Picture:
    """All that a NoiseParameter switches on, in Caffe's order. Its `prob` has no effect, as in Caffe."""
    picture = np.ascontiguousarray(_bytes(picture))
    for wanted, step in (
        (p.decolorize, _decolorized),
        (p.gauss_blur, lambda x: cv2.GaussianBlur(x, (7, 7), 1.5)),
        (p.hist_eq, lambda x: _on_lightness(x, cv2.equalizeHist)),
        (p.clahe, lambda x: _on_lightness(x, cv2.createCLAHE(clipLimit=4).apply)),
        (p.jpeg > 0, lambda x: _through_jpeg(x, int(p.jpeg))),
        (p.erode, lambda x: cv2.erode(x, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))),
        (p.posterize, lambda x: x // 64 * 64 + 32),
        (p.inverse, lambda x: 255 - x),
        (p.saltpepper, lambda x: _peppered(x, p.saltpepper_param, random)),
        (p.convert_to_hsv, lambda x: cv2.cvtColor(_colour(x), cv2.COLOR_BGR2HSV)),
        (p.convert_to_lab, lambda x: cv2.cvtColor(_colour(x).astype(np.float32) / 255, cv2.COLOR_BGR2Lab)),
    ):
        if wanted:
            picture = step(picture)
            picture = picture[..., None] if picture.ndim == 2 else picture
    return picture


def _decolorized(picture: Picture) -> Picture:
    return cv2.cvtColor(cv2.cvtColor(_colour(picture), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def _on_lightness(picture: Picture, change: Callable[[Picture], Picture]) -> Picture:
    """A change of the lightness alone."""
    if picture.shape[2] == 1:
        return change(picture[..., 0])
    planes = cv2.cvtColor(_colour(picture), cv2.COLOR_BGR2YCrCb)
    planes[..., 0] = change(np.ascontiguousarray(planes[..., 0]))
    return cv2.cvtColor(planes, cv2.COLOR_YCrCb2BGR)


def _through_jpeg(picture: Picture, quality: int) -> Picture:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    kind = cv2.IMREAD_GRAYSCALE if picture.shape[2] == 1 else cv2.IMREAD_COLOR
    return np.asarray(cv2.imdecode(data, kind))


def _peppered(picture: Picture, p: Any, random: Generator) -> Picture:
    """A share of the pixels, some of them twice, set to one value."""
    height, width, channels = picture.shape
    values = list(p.value) or [0.0]
    if len(values) not in (1, channels):
        raise InputError(f"saltpepper_param has {len(values)} values for {channels} channels", hint="Give one value.")
    count = int(p.fraction * height * width)
    result = picture.copy()
    result[random.integers(height, size=count), random.integers(width, size=count)] = np.array(values).astype(np.uint8)
    return result
