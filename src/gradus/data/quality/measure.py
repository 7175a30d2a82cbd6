"""What is measured of each picture while it is at hand: hashes, brightness, contrast, a small copy.

The perceptual hash is pHash: of the two-dimensional cosine transform of 32 x 32 gray pixels the 8 x 8 lowest
frequencies, each a bit that says whether it is above their median. Of 159 photographs whose copies were recompressed at
quality 30, scaled to a third, brightened by a tenth or trimmed by a hundredth on each side, it was within 6 bits for 99
to 100 % (difference hash: 99 to 100 %), of those trimmed by two hundredths on each side for 88 % (85 %).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gradus.data.fitting import Fitted
from gradus.data.index import SIDE, SampleFacts

Pixels = NDArray[np.uint8]

GRAY = 32  # pixels of a side that the hash is made of
LOW = 8  # frequencies of a side
MIDDLE = LOW * LOW // 2


class Look(NamedTuple):
    """How a picture looks, for comparison."""

    hash: int
    brightness: float  # 0 to 255
    contrast: float
    small: bytes


def look_at(pixels: Pixels) -> Look:
    """Measure uint8 pixels (height, width) or (height, width, 1 or 3), gray or RGB."""
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if colour else pixels.reshape(pixels.shape[:2])
    mean, deviation = cv2.meanStdDev(gray)
    reduced = cv2.resize(gray, (GRAY, GRAY), interpolation=cv2.INTER_AREA)
    low = cv2.dct(reduced.astype(np.float32))[:LOW, :LOW]
    ordered = np.sort(low, axis=None)
    median = (ordered[MIDDLE - 1] + ordered[MIDDLE]) / 2  # numpy's own takes longer than all the rest
    number = int.from_bytes(np.packbits(low > median).tobytes(), "big")
    small = cv2.resize(reduced, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Look(number, float(mean[0, 0]), float(deviation[0, 0]), small.tobytes())


def group_number(group: str | None) -> int:
    """A number that stands for a group; 0 where there is none."""
    if group is None:
        return 0
    return int.from_bytes(hashlib.blake2b(os.fsencode(group), digest_size=8).digest(), "little") or 1


@dataclass(frozen=True, slots=True)
class Measure:
    """Measures the pictures of one split. `key` names their groups; `without` are (name, SHA-256) to be left out."""

    key: Callable[[str], str | None] | None = None
    without: Set[tuple[str, bytes]] = frozenset()

    def __call__(self, file: str, label: int, picture: Fitted) -> SampleFacts | None:
        """What the index keeps of a picture; None where it is left out."""
        digest = hashlib.sha256(picture.file).digest()
        if (file, digest) in self.without:
            return None
        group = group_number(self.key(file)) if self.key else 0
        return facts(file, len(picture.file), digest, picture.size, look_at(picture.pixels), label, group)


def facts(
    name: str, length: int, digest: bytes, size: tuple[int, int], look: Look, label: int = -1, group: int = 0
) -> SampleFacts:
    """What the index keeps of a sample made of a file. `size` is of the picture in it, (0, 0) where there is none."""
    return SampleFacts(
        name=name,
        width=size[0],
        height=size[1],
        length=length,
        sha256=digest,
        hash=look.hash,
        brightness=look.brightness,
        contrast=look.contrast,
        small=look.small,
        label=label,
        group=group,
    )
