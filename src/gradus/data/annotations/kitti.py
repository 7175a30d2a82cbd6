"""KITTI's text files: one a picture, one object a line, fifteen columns; a sixteenth is a detector's score.

    type truncated occluded alpha left top right bottom height width length x y z rotation_y [score]

An empty file is a picture without objects. `DontCare` marks a region whose objects nobody has labelled
(readme of the object development kit, Geiger et al. 2012).
"""

from __future__ import annotations

from gradus.core.errors import InputError
from gradus.data.annotations.boxes import Box, Boxes, class_name, number, text_lines

COLUMNS = (
    "type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom",
    "height", "width", "length", "x", "y", "z", "rotation_y", "score",
)  # fmt: skip
LEAST = 15


def parse(data: bytes) -> Boxes:
    """The boxes of a file. `InputError` with the line that has too few columns, or no number where one has to be."""
    found = Boxes()
    for line, words in text_lines(data):
        if not LEAST <= len(words) <= len(COLUMNS):
            raise InputError(f"{len(words)} columns; KITTI has {LEAST}, or {len(COLUMNS)} with a score", line=line)
        values = [number(word, name, line) for word, name in zip(words[1:], COLUMNS[1:], strict=False)]
        truncated, occluded, alpha, left, top, right, bottom, *sizes = values[:14]
        height, width, length, x, y, z, rotation = sizes
        found.add(
            Box(
                class_name(words[0]), left, top, right, bottom, f"line {line}", truncated, occluded,
                alpha=alpha, size=(height, width, length), place=(x, y, z), rotation=rotation,
                score=values[14] if len(values) > 14 else None,
            )
        )  # fmt: skip
    return found
