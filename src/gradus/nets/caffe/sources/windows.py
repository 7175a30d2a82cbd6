"""R-CNN's window files: pictures with boxes in them (catalogue 1.8).

For each picture `# number`, its path on a line of its own, then numbers, however they are laid out on lines:
channels, height, width, how many windows, and for each `label overlap x1 y1 x2 y2`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError

NUMBERS = 6  # of a window


@dataclass(frozen=True, slots=True)
class WindowPicture:
    """One picture of the file. `windows` is float64 (n, 6): label, overlap, x1, y1, x2, y2, both ends inside."""

    path: str
    channels: int
    line: int
    windows: NDArray[np.float64]


class _Lines:
    """The lines of the file that are not empty; `number` is that of the last one taken."""

    def __init__(self, text: str) -> None:
        self._lines = [(i, line.strip()) for i, line in enumerate(text.split("\n"), 1)]
        self._lines = [(i, line) for i, line in self._lines if line]
        self._at = 0
        self.number = 1

    def next(self) -> str | None:
        """The next line, or None behind the last."""
        if self._at == len(self._lines):
            return None
        self.number, line = self._lines[self._at]
        self._at += 1
        return line

    def numbers(self, count: int, left: list[str]) -> list[str]:
        """The next `count` words; `left` are those that a line before has left over, and gets what is left now."""
        while len(left) < count:
            line = self.next()
            if line is None or line.startswith("#"):
                raise _wrong(self.number, f"{count - len(left)} numbers are missing")
            left.extend(line.split())
        found = left[:count]
        del left[:count]
        return found


def read_windows(text: str) -> Iterator[WindowPicture]:
    """The pictures in order. `InputError` names the first line that is wrong."""
    lines, expected = _Lines(text), 0
    while (line := lines.next()) is not None:
        start = lines.number
        if line.split() not in (["#", str(expected)], [f"#{expected}"]):
            raise _wrong(start, f"`# {expected}` is expected here: pictures are numbered from 0")
        expected += 1
        path = lines.next()
        if path is None or path.startswith("#") or "\0" in path:
            raise _wrong(lines.number, "the path of the picture is expected here")
        left: list[str] = []
        channels, _, _, count = _floats(lines.numbers(4, left), lines.number, whole=True).astype(int).tolist()
        if count < 0 or channels not in (1, 3):
            raise _wrong(lines.number, f"{channels} channels and {count} windows cannot be")
        windows = _floats(_words(lines, count, left), lines.number).reshape(count, NUMBERS)
        if left:
            raise _wrong(lines.number, "there are numbers behind the last window")
        if (windows[:, (0, 2, 3, 4, 5)] % 1).any():
            raise _wrong(lines.number, "labels and corners of windows are whole numbers")
        yield WindowPicture(path, channels, start, windows)


def _words(lines: _Lines, count: int, left: list[str]) -> list[str]:
    """The words of all windows, taken one window at a time: what a file claims is not allocated before it is there."""
    found: list[str] = []
    for _ in range(count):
        found.extend(lines.numbers(NUMBERS, left))
    return found


def _floats(words: list[str], line: int, *, whole: bool = False) -> NDArray[np.float64]:
    try:
        values = np.array(words, np.float64)
    except ValueError:
        values = np.array([np.nan])
    if not (np.abs(values) < 2**31).all() or (whole and (values % 1).any()):
        raise _wrong(line, f"there is something else than {'whole ' if whole else ''}numbers")
    return values


def _wrong(line: int, what: str) -> InputError:
    return InputError(f"line {line}: {what}", line=line, hint="See the format of R-CNN's window files.")
