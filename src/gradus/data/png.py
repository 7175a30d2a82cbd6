"""A fast PNG encoder: one filter for all rows, and Intel's ISA-L for the compression.

A PNG of a 256 x 256 photograph takes 0.6 ms instead of the 16 ms of zlib level 6, for a twelfth more
bytes (measured; `docs/benchmarks.md`). Format: https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # filter type: the difference to the pixel above
SPARE = 512  # bytes
FAST = 1  # ISA-L's level with dynamic Huffman codes and the smallest window work
_END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", isal_zlib.crc32(b"IEND"))


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """An 8-bit PNG of (height, width, 1) gray or (height, width, 3) RGB pixels."""
    height, width, channels = pixels.shape
    flat = pixels.reshape(height, width * channels)
    storage = np.empty(height * (width * channels + 1) + SPARE, np.uint8)
    storage[-SPARE:] = 0  # else the code of the same pixels may differ: in 4 threads that of 3 pictures in 1,200 did
    rows = storage[:-SPARE].reshape(height, -1)
    rows[:, 0] = UP
    rows[0, 1:] = flat[0]  # above the first row all is 0
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    data = isal_zlib.compress(rows, FAST)
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(b"IDAT"))
    return b"".join(
        (_head(width, height, channels), struct.pack(">I", len(data)), b"IDAT", data, struct.pack(">I", checksum), _END)
    )


@lru_cache(maxsize=64)
def _head(width: int, height: int, channels: int) -> bytes:
    colour = {1: 0, 3: 2}[channels]
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return SIGNATURE + struct.pack(">I", 13) + header + struct.pack(">I", isal_zlib.crc32(header))
