"""A fitted picture as the file that a record holds."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gradus.core.dataset import Encoding
from gradus.data.png import encode_png


def encode_pixels(pixels: NDArray[np.uint8], encoding: Encoding, quality: int) -> bytes:
    """(height, width, channels) gray or RGB pixels as a PNG or a JPEG."""
    return encode_png(pixels) if encoding is Encoding.PNG else encode_jpeg(pixels, quality)


def encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG with the colours at half resolution, as Pillow made them for DIGITS."""
    kind, sampling = ("GRAY", "Gray") if pixels.shape[2] == 1 else ("RGB", "420")
    return simplejpeg.encode_jpeg(  # type: ignore[no-any-return]
        np.ascontiguousarray(pixels), quality=quality, colorspace=kind, colorsubsampling=sampling
    )
