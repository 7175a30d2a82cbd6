"""A fitted picture as the bytes that a record holds."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gradus.core.dataset import Encoding
from gradus.data.png import encode_png
from gradus.data.wire import Buffer


def encode_pixels(pixels: NDArray[np.uint8], encoding: Encoding, quality: int) -> Buffer:
    """(height, width, channels) gray or RGB pixels as a PNG, a JPEG, or raw planes blue, green, red."""
    if encoding is Encoding.PNG:
        return encode_png(pixels)
    if encoding is Encoding.JPG:
        return encode_jpeg(pixels, quality)
    return _planes(pixels)


def encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG with the colours at half resolution, as Pillow made them for DIGITS."""
    kind, sampling = ("GRAY", "Gray") if pixels.shape[2] == 1 else ("RGB", "420")
    return simplejpeg.encode_jpeg(  # type: ignore[no-any-return]
        np.ascontiguousarray(pixels), quality=quality, colorspace=kind, colorsubsampling=sampling
    )


def _planes(pixels: NDArray[np.uint8]) -> memoryview:
    """Blue, green, red; in OpenCV, which lets other threads run, unlike a copy through numpy."""
    if pixels.shape[2] == 1:
        return np.ravel(pixels).data
    planes = np.empty((3, *pixels.shape[:2]), np.uint8)
    cv2.split(pixels, list(planes[::-1]))
    return planes.reshape(-1).data
