"""The mean of the training pictures: summed exactly, stored as Caffe's `BlobProto`.

Fields (caffe.proto): num=1, channels=2, height=3, width=4, data=5 (packed floats), and in newer files
shape=7 (a message whose field 1 holds the dimensions). Channels are blue, green, red.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gradus.core.errors import InputError
from gradus.data.files import write_bytes
from gradus.data.wire import BYTES, fields, read_varint, signed, varint

BLOCK = 256  # 256 * 255 still fits 16 bits


class Sum:
    """The sum of uint8 pictures of one shape, exact: 16-bit adds, carried into 64 bits every 256 pictures."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.total = np.zeros(shape, np.uint64)
        self._block = np.zeros(shape, np.uint16)
        self._pending = 0

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Count one picture in."""
        np.add(self._block, picture, out=self._block)
        self._pending += 1
        self.count += 1
        if self._pending == BLOCK:
            self._carry()

    def merge(self, other: Sum) -> None:
        """Count in all that another sum holds."""
        other._carry()
        self.total += other.total
        self.count += other.count

    def mean(self) -> NDArray[np.float64]:
        """The mean picture, in the shape and channel order of the pictures."""
        self._carry()
        return np.asarray(self.total / np.float64(self.count))

    def _carry(self) -> None:
        self.total += self._block
        self._block[...] = 0
        self._pending = 0


def write_mean(path: Path, mean: NDArray[np.floating]) -> None:
    """Write a (channels, height, width) BGR mean as a binary `BlobProto` of shape (1, C, H, W)."""
    channels, height, width = mean.shape
    data = np.ascontiguousarray(mean, "<f4").tobytes()
    numbers = b"\x08\x01\x10" + varint(channels) + b"\x18" + varint(height) + b"\x20" + varint(width)
    write_bytes(path, numbers + b"\x2a" + varint(len(data)) + data)


def read_mean(path: Path) -> NDArray[np.float32]:
    """Read a `mean.binaryproto` of any writer: float32 (channels, height, width), BGR or gray."""
    legacy: dict[int, int] = {}
    shape: list[int] = []
    parts: list[memoryview] = []
    for number, kind, value in fields(path.read_bytes()):
        if isinstance(value, int):
            legacy[number] = signed(value)
        elif number == 5:
            parts.append(value)
        elif number == 7 and kind == BYTES:
            shape = _dimensions(value)
    shape = shape or [legacy.get(n, 1) for n in (1, 2, 3, 4)]
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    data = b"".join(parts)
    if len(shape) != 3 or min(shape) < 1 or len(data) != 4 * shape[0] * shape[1] * shape[2]:
        raise InputError(
            f"{path.name} is not the mean of one picture: {len(data) // 4} values for the shape {shape}",
            file=str(path),
            hint="Build the dataset again.",
        )
    return np.frombuffer(data, "<f4").reshape(shape).astype(np.float32)


def write_picture(path: Path, mean: NDArray[np.floating]) -> None:
    """Write a (height, width, channels) RGB or gray mean as a JPEG to look at."""
    rounded = np.ascontiguousarray(np.rint(mean), np.uint8)
    kind = "GRAY" if rounded.shape[2] == 1 else "RGB"
    write_bytes(path, simplejpeg.encode_jpeg(rounded, quality=90, colorspace=kind))


def _dimensions(shape: memoryview) -> list[int]:
    found: list[int] = []
    for number, _, value in fields(shape):
        if number != 1:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):  # packed
            dimension, at = read_varint(value, at)
            found.append(dimension)
    return found
