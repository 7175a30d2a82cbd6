"""A colour map: a text file with a line `R G B` for each class, from class 0 on, and its name if wanted.

    0 0 0 background
    128 0 0 aeroplane

Blanks, commas or tabs part the numbers; empty lines and such that start with `#` are passed over. A colour that is
named `void` or `ignore` takes no number: its pixels count for no class.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.masks.labels import Colour
from gradus.data.readers.textfile import numbered_lines, opened

MOST = 255  # classes: number 255 is what is ignored
UNKNOWN = 255
VOID = frozenset(("void", "ignore"))
_LINE = re.compile(r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})(?:[\s,;]+(.*))?")


@dataclass(frozen=True)
class ColourMap:
    """Class i has colour `colours[i]` and the name `names[i]`, which may be empty; colours of `void` have no class."""

    colours: Sequence[Colour]
    names: Sequence[str]
    void: frozenset[Colour] = frozenset()

    @cached_property
    def _numbers(self) -> NDArray[np.uint8]:
        """The class of every colour there is: 16 MiB, of which a picture touches a few lines."""
        table = np.full(1 << 24, UNKNOWN, np.uint8)
        for number, (red, green, blue) in enumerate(self.colours):
            table[red << 16 | green << 8 | blue] = number
        return table

    def numbers_of(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], list[tuple[Colour, int]]]:
        """The class of each of (H, W, 3) pixels, 255 where there is none; the unknown colours and how often they are.

        The most frequent come first.
        """
        codes = _codes(pixels)
        numbers = self._numbers[codes]
        missing = numbers == UNKNOWN
        if not missing.any():
            return numbers, []
        return numbers, [each for each in _counted(codes[missing]) if each[0] not in self.void]


def count_colours(pixels: NDArray[np.uint8]) -> list[tuple[Colour, int]]:
    """The colours of (H, W, 3) pixels and how often they are, the most frequent first."""
    return _counted(_codes(pixels))


def read_colour_map(path: Path, named: str) -> ColourMap:
    """Read a colour map. `InputError` names the line that is none, or a colour that has two classes."""
    colours: list[Colour] = []
    names: list[str] = []
    void: set[Colour] = set()
    lines: dict[Colour, int] = {}
    with opened(path, named) as file:
        for number, line in numbered_lines(file, path, named):
            text = os.fsdecode(line).strip()
            if not text or text.startswith("#"):
                continue
            found = _LINE.fullmatch(text)
            values = [int(value) for value in found.groups()[:3]] if found and text.isprintable() else []
            if found is None or not values or max(values) > 255:
                raise _wrong(path, named, number, "not three numbers of 0 to 255")
            colour = values[0], values[1], values[2]
            if colour in lines:
                raise _wrong(
                    path, named, number, f"the colour {colour_text(colour)} is on line {lines[colour]} already"
                )
            lines[colour] = number
            name = escape((found[4] or "").strip())
            if name.lower() in VOID:
                void.add(colour)
                continue
            if len(colours) == MOST:
                raise _wrong(path, named, number, f"more than {MOST} classes")
            colours.append(colour)
            names.append(name)
    if not colours:
        raise _wrong(path, named, 1, "there is no colour in it")
    return ColourMap(colours, names, frozenset(void))


def colour_text(colour: Colour) -> str:
    """As a colour map has it."""
    return "{} {} {}".format(*colour)


def _codes(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    wide = pixels.astype(np.int32)
    codes: NDArray[np.int32] = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return codes


def _counted(codes: NDArray[np.int32]) -> list[tuple[Colour, int]]:
    found, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        ((code >> 16, code >> 8 & 255, code & 255), count)
        for code, count in zip(found[order].tolist(), counts[order].tolist(), strict=True)
    ]


def _wrong(path: Path, named: str, line: int, reason: str) -> InputError:
    return InputError(
        f"The colour map cannot be used: line {line}: {reason}", field=named, file=escape(str(path)), line=line,
        hint="A line is `R G B`, or `R G B name`, for class 0 on line 1, for class 1 on line 2.",
    )  # fmt: skip
