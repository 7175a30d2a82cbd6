"""What every format of annotations is read into: the boxes of one picture, and what is wrong with them.

Coordinates are pixels from the left top corner, as the format writes them: no half pixel and no 1 is added or
taken. What cannot be used at all is an `InputError`; what costs one box is a remark, and the picture stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from gradus.core.errors import InputError
from gradus.data.lists import escape

MAX_BYTES = 16 * 2**20  # of one picture's annotations
MAX_BOXES = 10_000  # of one picture: every label of a dataset is as long as the longest
LONGEST_NAME = 200
NOTHING = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Box:
    """One object. `where` is its line or number in the file. The last three fields are KITTI's, in metres and radians.

    `truncated` is 0 to 1, `occluded` 0 (fully visible) to 3; -1 where it does not apply. `crowd` says that the box
    is around many, `difficult` that whoever drew it would not count it.
    """

    name: str
    left: float
    top: float
    right: float
    bottom: float
    where: str = ""
    truncated: float = 0.0
    occluded: float = 0.0
    difficult: bool = False
    crowd: bool = False
    area: float | None = None  # of what is inside the box, in pixels
    score: float | None = None
    outline: str = ""  # COCO's `segmentation`, as JSON, where it is wanted
    alpha: float = 0.0
    size: tuple[float, float, float] = NOTHING  # height, width, length
    place: tuple[float, float, float] = NOTHING  # x, y, z of the camera's coordinates
    rotation: float = 0.0

    @property
    def numbers(self) -> tuple[float, ...]:
        """All that has to be finite."""
        corners = self.left, self.top, self.right, self.bottom
        return (*corners, self.truncated, self.occluded, self.alpha, *self.size, *self.place, self.rotation)


@dataclass(slots=True)
class Boxes:
    """Of one picture, in the order of the file. `relative` boxes are in shares of its sides, not in pixels."""

    boxes: list[Box] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    picture: str = ""  # the file that the annotation names, if it names one
    size: tuple[int, int] | None = None  # (width, height) that the annotation states
    relative: bool = False
    broken: str = ""  # why the picture cannot be used at all

    def add(self, box: Box) -> None:
        """Take a box, or remark why it is none."""
        if reason := _no_box(box):
            self.remarks.append(f"{box.where}: {reason}; it is left out")
        elif len(self.boxes) < MAX_BOXES:
            self.boxes.append(box)
        else:
            self.broken = f"more than {MAX_BOXES:,} boxes in one picture"

    def within(self, width: int, height: int) -> Boxes:
        """In pixels, inside a picture of that size. What was cut or lies outside is remarked."""
        across, down = (width, height) if self.relative else (1, 1)
        found = Boxes([], list(self.remarks), self.picture, self.size)
        if self.size not in (None, (width, height)):
            found.remarks.append(f"the annotation is for {_by(self.size)} pixels, the picture has {width} x {height}")
        for box in self.boxes:
            left, right = box.left * across, box.right * across
            top, bottom = box.top * down, box.bottom * down
            inside = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
            if inside[0] >= inside[2] or inside[1] >= inside[3]:
                found.remarks.append(f"{box.where}: the box lies outside the picture; it is left out")
                continue
            if max(inside[0] - left, inside[1] - top, right - inside[2], bottom - inside[3]) > _SLACK:
                found.remarks.append(f"{box.where}: the box reaches over the edge of the picture; it is cut")
            found.boxes.append(replace(box, left=inside[0], top=inside[1], right=inside[2], bottom=inside[3]))
        return found


_SLACK = 1.0  # pixels: 1-based coordinates, and shares that were rounded, end on the edge


def text_lines(data: bytes) -> Iterable[tuple[int, list[str]]]:
    """The words of each line that has some, with its number. `InputError` where the file is no text."""
    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", line=data.count(b"\n", 0, error.start) + 1) from error
    for number, line in enumerate(text.split("\n"), 1):
        if words := line.split():
            yield number, words


def number(text: str, what: str, line: int | None = None) -> float:
    """A decimal number, which may be NaN or infinite."""
    try:
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        raise InputError(f"{what} is “{shown(text)}”, which is no number", line=line) from None


@lru_cache(maxsize=4096)  # a name is one object, however many boxes have it
def class_name(text: str) -> str:
    """The name of a class as it is shown and stored: one line, no blanks around it."""
    return escape(text.strip())[:LONGEST_NAME]


def shown(text: str) -> str:
    """A bit of a file for a message."""
    return escape(text[:40]) + ("…" if len(text) > 40 else "")


def _no_box(box: Box) -> str:
    if not box.name:
        return "the class has no name"
    numbers = box.numbers
    if not (math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))):  # a sum is quick, but may overflow
        return "a number is NaN or infinite"
    if box.left >= box.right or box.top >= box.bottom:
        return "the box has no area"
    return ""


def _by(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]} x {size[1]}"
