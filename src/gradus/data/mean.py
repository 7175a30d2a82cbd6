"""The mean of the training pictures: summed exactly, stored as Caffe's `BlobProto`.

Channels are blue, green, red.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gradus.core.errors import InputError
from gradus.data.blobs import decode_blob
from gradus.data.files import write_bytes
from gradus.data.wire import varint

BLOCK = 1 << 16  # times 255 a float32 still holds every whole number


class Sum:
    """The sum of uint8 pictures of one shape, exact: added up as float32 by OpenCV, carried into float64 in time.

    Many are made, each of a few pictures, to be merged: nothing is set to 0 that is not needed.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.shape = shape
        self._total: NDArray[np.float64] | None = None
        self._block: NDArray[np.float32] | None = None
        self._pending = 0

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Count one picture in."""
        if self._block is None:
            self._block = picture.astype(np.float32, order="C")  # OpenCV adds to no other
        else:
            cv2.accumulate(picture, self._block)
        self._pending += 1
        self.count += 1
        if self._pending == BLOCK:
            self._carry(self._block)
            self._block, self._pending = None, 0

    def merge(self, other: Sum) -> None:
        """Count in all that another sum holds."""
        for part in (other._total, other._block):
            if part is not None:
                self._carry(part)
        self.count += other.count

    def mean(self) -> NDArray[np.float64]:
        """The mean picture, in the shape and channel order of the pictures."""
        total = sum((part for part in (self._total, self._block) if part is not None), np.zeros(self.shape))
        return np.asarray(total / self.count)

    def _carry(self, part: NDArray[np.floating]) -> None:
        if self._total is None:
            self._total = part.astype(np.float64)
        else:
            self._total += part


def write_mean(path: Path, mean: NDArray[np.floating]) -> None:
    """Write a (channels, height, width) BGR mean as a binary `BlobProto` of shape (1, C, H, W)."""
    channels, height, width = mean.shape
    data = np.ascontiguousarray(mean, "<f4").tobytes()
    numbers = b"\x08\x01\x10" + varint(channels) + b"\x18" + varint(height) + b"\x20" + varint(width)
    write_bytes(path, numbers + b"\x2a" + varint(len(data)) + data)


def read_mean(path: Path) -> NDArray[np.float32]:
    """Read a `mean.binaryproto` of any writer: float32 (channels, height, width), BGR or gray."""
    try:
        mean = decode_blob(path.read_bytes())
    except InputError as problem:
        raise InputError(f"{path.name} is not a mean: {problem}", file=str(path)) from problem
    while mean.ndim > 3 and mean.shape[0] == 1:
        mean = mean[0]
    if mean.ndim != 3 or not mean.size:
        raise InputError(
            f"{path.name} is not the mean of one picture: {mean.size} values for the shape {list(mean.shape)}",
            file=str(path),
            hint="Build the dataset again.",
        )
    return mean.astype(np.float32)


def write_picture(path: Path, mean: NDArray[np.floating]) -> None:
    """Write a (height, width, channels) RGB or gray mean as a JPEG to look at."""
    rounded = np.ascontiguousarray(np.rint(mean), np.uint8)
    kind = "GRAY" if rounded.shape[2] == 1 else "RGB"
    write_bytes(path, simplejpeg.encode_jpeg(rounded, quality=90, colorspace=kind))
