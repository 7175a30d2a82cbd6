"""Pixels of any kind as 8-bit gray or RGB, by one documented rule each.

16 bits          divided by 257, so that 65535 becomes 255
alpha            composited over white
1 bit            0 and 255
CMYK, YCCK       R = (255 - C)(255 - K) / 255, and so on; no colour profile
CIE Lab          through the D50 profile to sRGB
32-bit integers  of 0 to 65535 as 16 bits; others are refused
floats           of 0 to 1 times 255, of 0 to 255 rounded; others, and NaN, are refused
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gradus.core.errors import ImageError

BAND = 1 << 20  # pixels that are converted at a time

Pixels = NDArray[np.uint8]


def from_deep(pixels: NDArray[np.uint16]) -> Pixels:
    """16-bit pixels as 8-bit ones: the nearest to value / 257."""
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def over_white(pixels: Pixels) -> Pixels:
    """(H, W, 2) gray or (H, W, 4) RGB with alpha last, on white: (H, W) or (H, W, 3)."""
    colour, alpha = pixels[..., :-1].astype(np.uint32), pixels[..., -1:].astype(np.uint32)
    mixed = ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return mixed[..., 0] if mixed.shape[2] == 1 else mixed


def from_pillow(image: Image.Image) -> Pixels:
    """A loaded Pillow image as (H, W) gray or (H, W, 3) RGB."""
    convert = _RULES.get("I;16" if image.mode.startswith("I;16") else image.mode)
    if convert is None:
        raise ImageError(f"its pixels are of a kind that is not supported ({image.mode})")
    extrema = image.getextrema() if image.mode in ("I", "F") else ()
    width, height = image.size

    def part(top: int, end: int) -> Pixels:
        band = image if end - top == height else image.crop((0, top, width, end))
        return convert(band, extrema)

    return _banded(width, height, part)


def in_bands(pixels: NDArray[Any], convert: Callable[[NDArray[Any]], Pixels], *, over: bool = False) -> Pixels:
    """What `convert` makes of (H, W, ...) pixels, a few rows at a time, so that a large picture needs little more.

    With `over` it goes where the given pixels were, if it needs no more room.
    """
    space = pixels if over else None
    return _banded(pixels.shape[1], pixels.shape[0], lambda top, end: convert(pixels[top:end]), space)


def _banded(width: int, height: int, part: Callable[[int, int], Pixels], space: NDArray[Any] | None = None) -> Pixels:
    rows = max(1, BAND // width)
    first = part(0, min(rows, height))
    if rows >= height:
        return first
    shape = (height, *first.shape[1:])
    if space is not None and space.dtype == np.uint8 and space.flags.c_contiguous and space.size >= prod(shape):
        whole: Pixels = space.reshape(-1)[: prod(shape)].reshape(shape)  # never ahead of what is still to be read
    else:
        whole = np.empty(shape, np.uint8)
    whole[:rows] = first
    for top in range(rows, height, rows):
        whole[top : top + rows] = part(top, min(top + rows, height))
    return whole


def _straight(image: Image.Image, _extrema: Any) -> Pixels:
    return np.asarray(image)


def _one_bit(image: Image.Image, _extrema: Any) -> Pixels:
    return np.asarray(image.convert("L"))


def _colour(image: Image.Image, _extrema: Any) -> Pixels:
    return np.asarray(image.convert("RGB"))


def _transparent(image: Image.Image, _extrema: Any) -> Pixels:
    return over_white(np.asarray(image if image.mode == "LA" else image.convert("RGBA")))


def _lab(image: Image.Image, _extrema: Any) -> Pixels:
    return np.asarray(ImageCms.applyTransform(image, _lab_to_rgb()))


def _deep(image: Image.Image, _extrema: Any) -> Pixels:
    return from_deep(np.asarray(image).astype(np.uint16))


def _integers(image: Image.Image, extrema: Any) -> Pixels:
    low, high = extrema
    if low < 0 or high > 65535:
        raise ImageError(f"32-bit values from {low} to {high}: what is white cannot be told")
    return from_deep(np.asarray(image).astype(np.uint16))


def _floats(image: Image.Image, extrema: Any) -> Pixels:
    low, high = extrema
    values = np.asarray(image)
    if not (low >= 0 and high <= 255) or np.isnan(values).any():
        raise ImageError(f"decimal values from {low:g} to {high:g}: what is white cannot be told")
    rounded: Pixels = np.rint(values * 255 if high <= 1 else values).astype(np.uint8)
    return rounded


_RULES: dict[str, Callable[[Image.Image, Any], Pixels]] = {  # by Pillow's mode; given the extrema of "I" and "F"
    **dict.fromkeys(("L", "RGB"), _straight),
    "1": _one_bit,
    **dict.fromkeys(("LA", "P", "PA", "RGBA", "RGBa", "La"), _transparent),
    **dict.fromkeys(("CMYK", "YCbCr", "RGBX", "HSV"), _colour),
    "LAB": _lab,
    "I;16": _deep,
    "I": _integers,
    "F": _floats,
}


@lru_cache(maxsize=1)
def _lab_to_rgb() -> ImageCms.ImageCmsTransform:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, rgb, "LAB", "RGB")
