"""COCO's outlines as masks: class 0 is the background, then come the categories in the order of the file.

Where objects overlap the smaller one lies on top, and what is marked as a crowd at the bottom. Outlines that are wrong
are remarked, and the others of the picture drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradus.core.errors import InputError
from gradus.data.annotations.boxes import Box, Boxes
from gradus.data.masks.coding import Read
from gradus.data.masks.polygons import segment
from gradus.data.masks.resize import IGNORED

BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Outlines:
    """The mask of a picture's outlines. `numbers` are those of the classes by their names."""

    boxes: Boxes
    numbers: Mapping[str, int]

    def __call__(self, size: tuple[int, int]) -> Read:
        """Draw them in a picture of that (width, height)."""
        width, height = size
        mask = np.zeros((height, width), np.uint8)
        remarks = list(self.boxes.remarks)
        if self.boxes.size not in (None, size):
            across, down = self.boxes.size or size
            raise InputError(f"its annotation is for {across} x {down} pixels, and it has {width} x {height}")
        for box in sorted(self.boxes.boxes, key=_order):
            try:
                mask[_drawn(box, height, width)] = self.numbers[box.name]
            except InputError as error:
                remarks.append(f"{box.where}: {error}; it is left out")
        return Read(mask, remarks)


def class_numbers(names: Sequence[str]) -> dict[str, int]:
    """The number of each class; the background has 0, under its own name where the file has one."""
    others = [name for name in names if name.lower() != BACKGROUND]
    background = next((name for name in names if name.lower() == BACKGROUND), BACKGROUND)
    if len(others) >= IGNORED:
        raise InputError(f"There are {len(others):,} categories, and at most {IGNORED - 1} can be told apart in a mask")
    return {name: number for number, name in enumerate([background, *others])}


def _order(box: Box) -> tuple[bool, float]:
    area = box.area if box.area is not None and box.area > 0 else (box.right - box.left) * (box.bottom - box.top)
    return not box.crowd, -area


def _drawn(box: Box, height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    if not box.outline:
        raise InputError("it has no outline")
    try:
        outline = json.loads(box.outline)
    except RecursionError as error:
        raise InputError("its outline nests too deeply") from error
    drawn = segment(outline, height, width)
    if not drawn.any():
        raise InputError("its outline holds no pixel of the picture")
    return drawn
