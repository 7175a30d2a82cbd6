"""Bringing a picture to the dataset's size, with DIGITS' geometry.

With source w x h, target W x H, rw = w / W and rh = h / H (halves rounded away from zero):

    squash     to W x H
    crop       cover the target with the smaller ratio, keep the centre
    fill       fit inside with the larger ratio, black bands on both ends of the short side
    half_crop  the mean of both ratios: cut one side, fill the other

Equal ratios are a plain resize in every mode, and a picture of the right size is left untouched.
Bilinear with antialiasing, within one step of 255 of Pillow's (`gradus.data.sampling`). Bands are black
where DIGITS put noise, so that results repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gradus.core.dataset import ResizeMode
from gradus.data.colour import in_bands
from gradus.data.sampling import Box, resample

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The whole source is scaled to `scaled` (width, height); its centre `kept` goes to the target's centre."""

    scaled: tuple[int, int]
    kept: tuple[int, int]
    start: tuple[int, int]  # where the kept part begins in the scaled picture


@lru_cache(maxsize=1024)  # many pictures of a dataset are of one size
def geometry(width: int, height: int, target: tuple[int, int], mode: ResizeMode) -> Geometry:
    """Where the pixels go, before anything is computed."""
    across, down = width / target[0], height / target[1]
    if mode is ResizeMode.SQUASH or across == down:
        return Geometry(target, target, (0, 0))
    if mode is ResizeMode.CROP:
        ratio = min(across, down)
    elif mode is ResizeMode.FILL:
        ratio = max(across, down)
    else:
        ratio = (across + down) / 2
    scaled = [max(1, _round(width / ratio)), max(1, _round(height / ratio))]
    if mode is not ResizeMode.HALF_CROP:  # one side is the target's by construction, whatever the floats say
        side = 0 if (across > down) == (mode is ResizeMode.FILL) else 1
        scaled[side] = target[side]
    short = 1 if across > down else 0
    if scaled[short] < target[short] and (target[short] - scaled[short]) % 2:
        scaled[short] += 1  # so that both bands are equally wide
    kept = (min(scaled[0], target[0]), min(scaled[1], target[1]))
    start = (_round((scaled[0] - kept[0]) / 2), _round((scaled[1] - kept[1]) / 2))
    return Geometry((scaled[0], scaled[1]), kept, start)


def fit(
    picture: Pixels, width: int, height: int, channels: int, mode: ResizeMode, *, source: tuple[int, int] | None = None
) -> Pixels:
    """A (H, W) gray or (H, W, 3) RGB picture as uint8 (height, width, channels), gray or RGB.

    `source` is the (width, height) that the picture had where it was decoded at a fraction of it: the geometry is
    that of the whole.
    """
    if picture.ndim == 3 and channels == 1:
        picture = _gray(picture)
    if picture.shape[:2] != (height, width):
        picture = _resize(picture, (width, height), mode, source or (picture.shape[1], picture.shape[0]))
    if picture.ndim == 3:
        return picture
    if channels == 1:
        return picture[..., None]
    return np.repeat(picture[..., None], 3, axis=2)


def _resize(picture: Pixels, target: tuple[int, int], mode: ResizeMode, source: tuple[int, int]) -> Pixels:
    plan = geometry(*source, target, mode)
    resized = resample(picture, plan.kept, _box(plan, (picture.shape[1], picture.shape[0]), source))
    if plan.kept == target:
        return resized
    out = np.zeros((target[1], target[0], *picture.shape[2:]), np.uint8)
    left, top = (target[0] - plan.kept[0]) // 2, (target[1] - plan.kept[1]) // 2
    out[top : top + plan.kept[1], left : left + plan.kept[0]] = resized
    return out


@lru_cache(maxsize=1024)
def _box(plan: Geometry, size: tuple[int, int], source: tuple[int, int]) -> Box:
    """The kept part of the scaled picture in coordinates of the decoded one: what is cut is never computed.

    A fraction's last column or row may stand for less than a whole one: 2,047 columns at a quarter are 511.75.
    """
    edges: list[tuple[float, float]] = []
    for side in (0, 1):
        part = next((n for n in (1, 2, 4, 8) if -(-source[side] // n) == size[side]), source[side] / size[side])
        scale = source[side] / part / plan.scaled[side]
        start, end = plan.start[side] * scale, (plan.start[side] + plan.kept[side]) * scale
        edges.append((start, min(float(size[side]), end)))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def _gray(picture: Pixels) -> Pixels:
    """ITU-R 601 luminance: 0.299 red + 0.587 green + 0.114 blue."""
    return in_bands(picture, lambda band: np.asarray(Image.fromarray(band).convert("L")))


def _round(value: float) -> int:
    return floor(value + 0.5)
