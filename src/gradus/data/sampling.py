"""Resampling with a triangle filter as wide as the shrinking asks for: bilinear, and nothing aliases.

The same filter in two libraries: the Rust crate fast_image_resize, five times as fast, where it is built for
the machine, else Pillow. They differ by at most one step of 255, and each always gives the same.

Both copy what they are given, one of them twice, so large pictures go through them in strips. A target of fewer
than eight rows needs strips of a quarter of the picture and more, as far as the filter reaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from threading import local

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    import cykooz_resizer as rust
except ImportError:  # no wheel for this machine
    rust = None

LARGE = 16 * 2**20  # pixels, from which a picture is taken in strips
STRIP = 4 * 2**20  # pixels of one, where the filter does not reach farther

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels of the source

_here = local()  # a resizer and what it writes to are kept, for one thread at a time


def resample(picture: Pixels, size: tuple[int, int], box: Box) -> Pixels:
    """`box` of a (H, W) or (H, W, 3) picture as `size` (width, height)."""
    how = with_pillow if rust is None else _with_rust
    if picture.shape[0] * picture.shape[1] < LARGE:
        return how(picture, size, box)
    return in_strips(how, picture, size, box)


def in_strips(
    how: Callable[[Pixels, tuple[int, int], Box], Pixels], picture: Pixels, size: tuple[int, int], box: Box
) -> Pixels:
    """What `how` makes of the whole, a few rows at a time; each strip has all rows that the filter looks at."""
    left, top, right, bottom = box
    scale = (bottom - top) / size[1]
    reach = max(scale, 1) + 1
    each = max(1, int((STRIP / picture.shape[1] - 2 * reach) / scale))
    out = np.empty((size[1], size[0], *picture.shape[2:]), np.uint8)
    for start in range(0, size[1], each):
        end = min(start + each, size[1])
        upper, lower = top + start * scale, min(top + end * scale, bottom)
        first, last = max(0, math.floor(upper - reach)), min(len(picture), math.ceil(lower + reach))
        out[start:end] = how(picture[first:last], (size[0], end - start), (left, upper - first, right, lower - first))
    return out


def with_pillow(picture: Pixels, size: tuple[int, int], box: Box) -> Pixels:
    """The same everywhere."""
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, box=box))


def _with_rust(picture: Pixels, size: tuple[int, int], box: Box) -> Pixels:
    height, width = picture.shape[:2]
    kind = rust.PixelType.U8 if picture.ndim == 2 else rust.PixelType.U8x3
    options = _options(_corner_and_size(box, (width, height)))
    if not hasattr(_here, "resizer"):
        _here.resizer, _here.form = rust.Resizer(), None
    if _here.form != (size, kind):
        _here.result, _here.form = rust.ImageData(*size, kind), (size, kind)
    _here.resizer.resize(rust.ImageData(width, height, kind, picture.tobytes()), _here.result, options)
    return np.frombuffer(_here.result.get_buffer(), np.uint8).reshape(size[1], size[0], *picture.shape[2:])


def _corner_and_size(box: Box, size: tuple[int, int]) -> Box:
    """Left, top, width and height that do not reach over the edge by a rounding either."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if left + width > size[0]:
        width = math.nextafter(width, 0)
    if top + height > size[1]:
        height = math.nextafter(height, 0)
    return left, top, width, height


@lru_cache(maxsize=256)
def _options(box: Box):  # type: ignore[no-untyped-def]  # the library may be missing
    bilinear = rust.ResizeAlg.convolution(rust.FilterType.bilinear)
    return rust.ResizeOptions(resize_alg=bilinear, use_alpha=False, crop_box=rust.CropBox(*box))
