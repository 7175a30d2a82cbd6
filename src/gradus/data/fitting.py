"""A picture file brought to a dataset's size: the same way for databases, examples and predictions."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Encoding, ResizeMode
from gradus.data.encode import encode_pixels
from gradus.data.jpeg import bare_jpeg
from gradus.data.pictures import decode
from gradus.data.resize import fit, geometry


class Fitted(NamedTuple):
    """`pixels` are uint8 (height, width, channels), gray or RGB; `size` is the file's upright (width, height).

    `same` names the format of `file` if that holds exactly these pixels. `frames` is how many pictures it has, of
    which this is the first.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    file: bytes
    same: Literal["png", "jpg"] | None = None
    frames: int = 1

    @property
    def remark(self) -> str:
        """What is to be noted of the file; empty for most."""
        return f"the first of {self.frames:,} pictures is used" if self.frames > 1 else ""

    def encoded(self, encoding: Encoding, quality: int) -> bytes:
        """The file that a record holds. One that is right already is copied, a JPEG without its metadata."""
        if self.same is None or self.same != encoding:
            return encode_pixels(self.pixels, encoding, quality)
        return bare_jpeg(self.file) if self.same == "jpg" else self.file


def fit_file(data: bytes, width: int, height: int, channels: int, mode: ResizeMode) -> Fitted:
    """Decode and fit. A JPEG is decoded at a fraction where that is no smaller than it will be scaled to."""
    target = width, height
    picture = decode(data, lambda across, down: geometry(across, down, target, mode).scaled)
    pixels = fit(picture.pixels, width, height, channels, mode, source=picture.size)
    right = picture.size == target and (picture.pixels.ndim == 3) == (channels == 3)
    return Fitted(pixels, picture.size, data, picture.plain if right else None, picture.frames)
