"""Which way up a picture is: EXIF's orientation tag, and the turn that it asks for."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

TAG, SHORT = 0x0112, 3
MAX_ENTRIES = 1024


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, of an EXIF block (a TIFF header and its first directory).

    1, upright, where the block says nothing or is damaged: cameras write many odd ones.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, at)
        for i in range(min(count, MAX_ENTRIES)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, at + 2 + 12 * i)
            if tag == TAG:
                return value if kind == SHORT and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def upright(pixels: NDArray[np.uint8], turned: int) -> NDArray[np.uint8]:
    """Undo orientation `turned` on (height, width[, channels]) pixels (TIFF 6.0, tag 274)."""
    if turned >= 5:  # stored by columns
        pixels = pixels.swapaxes(0, 1)
    # what is then left to mirror, left-right and top-bottom
    across, down = {2: (1, 0), 3: (1, 1), 4: (0, 1), 6: (1, 0), 7: (1, 1), 8: (0, 1)}.get(turned, (0, 0))
    if across:
        pixels = pixels[:, ::-1]
    if down:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
