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

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gradus.core.errors import ImageError

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
    mode = image.mode
    if mode in ("L", "RGB"):
        return np.asarray(image)
    if mode == "1":
        return np.asarray(image.convert("L"))
    if mode == "LA":
        return over_white(np.asarray(image))
    if mode in ("P", "PA", "RGBA", "RGBa", "La"):
        return over_white(np.asarray(image.convert("RGBA")))
    if mode in ("CMYK", "YCbCr", "RGBX", "HSV"):
        return np.asarray(image.convert("RGB"))
    if mode == "LAB":
        converted = ImageCms.applyTransform(image, _lab_to_rgb())
        return np.asarray(converted)
    if mode.startswith("I;16"):
        return from_deep(np.asarray(image).astype(np.uint16))
    if mode == "I":
        return _from_integers(np.asarray(image))
    if mode == "F":
        return _from_floats(np.asarray(image))
    raise ImageError(f"its pixels are of a kind that is not supported ({mode})")


def _from_integers(values: NDArray[np.int32]) -> Pixels:
    if values.size and (values.min() < 0 or values.max() > 65535):
        raise ImageError(f"32-bit values from {values.min()} to {values.max()}: what is white cannot be told")
    return from_deep(values.astype(np.uint16))


def _from_floats(values: NDArray[np.float32]) -> Pixels:
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 255):  # also when one of them is NaN
        raise ImageError(f"decimal values from {low:g} to {high:g}: what is white cannot be told")
    return np.rint(values * 255 if high <= 1 else values).astype(np.uint8)


@lru_cache(maxsize=1)
def _lab_to_rgb() -> ImageCms.ImageCmsTransform:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, rgb, "LAB", "RGB")
