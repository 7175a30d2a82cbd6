"""Boxes as DIGITS stores them: a float32 array of (boxes of the fullest picture + 1) x 16 for each picture.

    row 0   number of boxes, 16, then zeros
    a box   left, top, width, height, alpha, class, 0, rotation, truncated, occluded, length, width, height, x, y, z

The boxes farthest away (by z) come first; of equally far ones the last of the file, as DIGITS' own sorting leaves them.
What is left of the array is zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Split
from gradus.core.generic import DONT_CARE
from gradus.data.annotations.boxes import Box

COLUMNS = 16
KITTI_CLASSES = (
    DONT_CARE, "car", "van", "truck", "bus", "pickup", "vehicle-with-trailer", "special-vehicle", "person", "person-fa",
    "person?", "people", "cyclist", "tram", "person_sitting", "misc",
)  # fmt: skip
KITTI_ALSO = {"pedestrian": "person"}


@dataclass(frozen=True, slots=True)
class Classes:
    """The names of the classes, class 0 being for all that does not count, and the number of each in lower case."""

    names: Sequence[str]
    numbers: Mapping[str, int]

    def number(self, name: str) -> int:
        """The number of a class; 0 for one that is not among them."""
        return self.numbers.get(name.lower(), 0)

    def unknown(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Of so many boxes of each class, those whose class is not among them."""
        return {n: c for n, c in counts.items() if n.lower() not in self.numbers and n.lower() != DONT_CARE}


def kitti_classes() -> Classes:
    """DIGITS' classes where none are given."""
    numbers = {name: number for number, name in enumerate(KITTI_CLASSES)}
    return Classes(KITTI_CLASSES, numbers | {also: numbers[name] for also, name in KITTI_ALSO.items()})


def custom_classes(names: Sequence[str]) -> Classes:
    """The classes that are given, in lower case."""
    return Classes(names, {name: number for number, name in enumerate(names)})


def found_classes(counts: Mapping[str, int], declared: Sequence[str]) -> Classes:
    """The classes that boxes have, as the annotations declare them, else by name; names are alike in any case."""
    places = {name: place for place, name in enumerate(declared)}
    names, numbers = [DONT_CARE], {DONT_CARE: 0}
    for name in sorted(counts, key=lambda each: (places.get(each, len(places)), each)):
        if name.lower() not in numbers:
            numbers[name.lower()] = len(names)
            names.append(name)
    return Classes(names, numbers)


def number_of(box: Box, classes: Classes, split: Split, least: int) -> int:
    """The class of a box in pixels of its picture; 0 if it does not count.

    A crowd never does. Where a model is measured, neither does what is narrower or lower than `least` (DIGITS), nor
    what is difficult (Pascal VOC; it is learned from, as in Caffe's SSD).
    """
    measured = split is not Split.TRAIN
    small = min(box.right - box.left, box.bottom - box.top) < least
    return 0 if box.crowd or (measured and (small or box.difficult)) else classes.number(box.name)


def label(boxes: Sequence[Box], numbers: Sequence[int], scale: tuple[float, float], most: int) -> NDArray[np.float32]:
    """The array of a picture: at least `most` rows for boxes, coordinates times `scale`."""
    across, down = scale
    rows = np.zeros((max(most, len(boxes)) + 1, COLUMNS), np.float32)
    rows[0, :2] = len(boxes), COLUMNS
    order = sorted(range(len(boxes)), key=lambda i: boxes[i].place[2])[::-1]
    for row, i in zip(rows[1:], order, strict=False):
        box = boxes[i]
        (height, width, length), (x, y, z) = box.size, box.place
        row[:] = (
            box.left * across, box.top * down, (box.right - box.left) * across, (box.bottom - box.top) * down,
            box.alpha, numbers[i], 0, box.rotation, box.truncated, box.occluded, length, width, height, x, y, z,
        )  # fmt: skip
    return rows
