"""SSD's part of `transform_param` that moves things: `resize_param` and `expand_param` (catalogue 4.1).

Sizes are computed in float32, as Caffe does: what is rounded down depends on it.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

from gradus.core.errors import InputError
from gradus.nets.caffe.sources.annotations import Annotations, Boxes, seen_in
from gradus.nets.caffe.sources.distortion import Picture, noised
from gradus.nets.caffe.text.prototxt import Definition

WARP, FIT_SMALL_SIZE, FIT_LARGE_SIZE_AND_PAD = 1, 2, 3  # ResizeParameter.Resize_mode
_MOST = 1 << 14  # pixels on a side
_INTERPOLATION = {
    1: cv2.INTER_LINEAR, 2: cv2.INTER_AREA, 3: cv2.INTER_NEAREST, 4: cv2.INTER_CUBIC, 5: cv2.INTER_LANCZOS4,
}  # fmt: skip
_BORDER = {1: cv2.BORDER_CONSTANT, 2: cv2.BORDER_REFLECT_101, 3: cv2.BORDER_REPLICATE}


def wanted(definition: Definition) -> bool:
    """Whether a layer's text asks for SSD's resizing or noise; NetworkError where it cannot be done."""
    p = definition.message.transform_param
    if p.HasField("resize_param"):
        r = p.resize_param
        if not (0 < r.height <= _MOST and 0 < r.width <= _MOST):
            raise definition.error(
                f"needs a height and width of 1 to {_MOST}", at="transform_param.resize_param",
                hint="For example: resize_param { height: 300 width: 300 }",
            )  # fmt: skip
        if r.height_scale > _MOST or r.width_scale > _MOST:
            raise definition.error(f"has a scale above {_MOST}", at="transform_param.resize_param")
    if p.HasField("expand_param"):
        ratio = p.expand_param.max_expand_ratio
        if not 1 < ratio <= 100:
            raise definition.error("needs a max_expand_ratio above 1, and up to 100", at="transform_param.expand_param")
        if p.mean_file:
            raise definition.error("expands pictures, which needs mean_value and no mean_file",
                                   at="transform_param.mean_file")  # fmt: skip
    return bool(p.HasField("resize_param") or p.HasField("noise_param"))


def ssd_transform(picture: Picture, boxes: Boxes, p: Any, random: Generator) -> tuple[Picture, Boxes]:
    """Resize one (H, W, C) picture as a TransformationParameter says, and its boxes (B, 4); then add noise."""
    if p.HasField("resize_param"):
        boxes = resized_boxes(boxes, picture.shape[0], picture.shape[1], p.resize_param)
        picture = resized(picture, p.resize_param, random)
    return (noised(picture, p.noise_param, random) if p.HasField("noise_param") else picture), boxes


def new_size(height: int, width: int, r: Any) -> tuple[int, int]:
    """Height and width after resizing."""
    aspect, wanted_aspect = np.float32(width) / np.float32(height), np.float32(r.width) / np.float32(r.height)
    if r.resize_mode != FIT_SMALL_SIZE:
        return r.height, r.width
    if aspect < wanted_aspect:
        return min(_MOST, int(np.float32(r.width) / aspect)), r.width
    return r.height, min(_MOST, int(aspect * np.float32(r.height)))


def resized(picture: Picture, r: Any, random: Generator) -> Picture:
    """WARP to a size, FIT_SMALL_SIZE to cover it, or FIT_LARGE_SIZE_AND_PAD to lie within it.

    Of several `interp_mode` one is drawn. `prob` has no effect, as in Caffe.
    """
    modes = list(r.interp_mode) or [1]
    how = _INTERPOLATION[modes[int(random.integers(len(modes)))]]
    height, width = new_size(picture.shape[0], picture.shape[1], r)
    if r.resize_mode != FIT_LARGE_SIZE_AND_PAD:
        return _scaled(picture, height, width, how)
    aspect = np.float32(picture.shape[1]) / np.float32(picture.shape[0])
    if aspect > np.float32(width) / np.float32(height):
        inner, outer = (max(1, math.floor(np.float32(width) / aspect)), width), (height, width)
    else:
        inner, outer = (height, max(1, math.floor(aspect * np.float32(height)))), (height, width)
    small = _scaled(picture, *inner, how)
    above, left = (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
    below, right = outer[0] - inner[0] - above, outer[1] - inner[1] - left
    values = _per_channel(list(r.pad_value), picture.shape[2])
    padded = cv2.copyMakeBorder(small, above, below, left, right, _BORDER[r.pad_mode], value=values)
    return padded.reshape(*outer, -1)


def _scaled(picture: Picture, height: int, width: int, how: int) -> Picture:
    result = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how)
    return result.reshape(height, width, -1)


def _per_channel(values: list[float], channels: int) -> list[float]:
    if len(values) not in (0, 1, channels):
        raise InputError(f"pad_value has {len(values)} values for {channels} channels", hint="Give one value.")
    return (values or [0.0]) * (channels if len(values) < 2 else 1)


def resized_boxes(boxes: Boxes, height: int, width: int, r: Any) -> Boxes:
    """Where boxes of a picture lie after it is resized. Only padding moves them: they are shares of the sides."""
    if r.resize_mode != FIT_LARGE_SIZE_AND_PAD:
        return np.concatenate([boxes[:, :2].clip(min=0), boxes[:, 2:].clip(max=1)], 1)
    aspect = width / height
    beside = max(0.0, (r.width - r.height * aspect) / 2 / r.width)
    above = max(0.0, (r.height - r.width / aspect) / 2 / r.height)
    pad = np.array([beside, above])
    low = pad + (boxes[:, :2] * (1 - 2 * pad)).clip(min=0)
    high = pad + (boxes[:, 2:] * (1 - 2 * pad)).clip(max=1)
    return np.concatenate([low, high], 1)


def extrapolated(boxes: Boxes, window: Boxes, height: int, width: int, r: Any) -> Boxes:
    """Boxes of a crop in units of `height_scale` and `width_scale`, for FIT_SMALL_SIZE with both of them."""
    if r.resize_mode != FIT_SMALL_SIZE or not (r.height_scale and r.width_scale):
        return boxes
    aspect = width / height
    scaled = (r.width, r.width / aspect) if aspect < r.width / r.height else (r.height * aspect, r.height)
    factor = np.array(scaled) * (window[2:] - window[:2]) / (r.width_scale, r.height_scale)
    return np.asarray(boxes * np.tile(factor, 2))


def expanded(picture: Picture, found: Annotations, p: Any, random: Generator) -> tuple[Picture, Annotations]:
    """The picture somewhere on a larger ground of the mean's colour, with the probability of `expand_param`."""
    e = p.expand_param
    if random.random() > e.prob or abs(e.max_expand_ratio - 1) < 1e-2:
        return picture, found
    height, width, channels = picture.shape
    ratio = np.float32(random.uniform(1, e.max_expand_ratio))
    rows, columns = int(np.float32(height) * ratio), int(np.float32(width) * ratio)
    above, left = (int(random.uniform(0, room)) for room in (rows - height, columns - width))
    ground = np.empty((rows, columns, channels), picture.dtype)
    ground[...] = np.asarray(np.rint(_per_channel(list(p.mean_value), channels)), picture.dtype)
    ground[above : above + height, left : left + width] = picture
    window = np.array([-left / width, -above / height, (columns - left) / width, (rows - above) / height])
    return ground, seen_in(window, found, p)


def cropped(picture: Picture, found: Annotations, window: Boxes, p: Any) -> tuple[Picture, Annotations]:
    """What lies in a window, given in shares of the sides; the picture is cut at whole pixels."""
    window = window.clip(0, 1)
    height, width = picture.shape[:2]
    low = (window[:2] * (width, height)).astype(np.float32)
    size = ((window[2:] * (width, height)).astype(np.float32) - low).astype(np.intp)
    x, y = low.astype(np.intp)
    if not size.all():
        return picture, found
    return picture[y : y + size[1], x : x + size[0]], seen_in(window, found, p)
