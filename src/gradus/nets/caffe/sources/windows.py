"""R-CNN's window files: pictures with boxes in them (catalogue 1.8).

For each picture `# number`, its path on a line of its own, then numbers, however they are laid out on lines:
channels, height, width, how many windows, and for each `label overlap x1 y1 x2 y2`.
"""

from __future__ import annotations

from collections import deque
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

    def numbers(self, count: int, left: deque[str]) -> list[str]:
        """The next `count` words; `left` are those that a line before has left over, and gets what is left now."""
        while len(left) < count:
            line = self.next()
            if line is None or line.startswith("#"):
                raise _wrong(self.number, f"{count - len(left)} numbers are missing")
            left.extend(line.split())
        return [left.popleft() for _ in range(count)]


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
        left: deque[str] = deque()
        header = _numbers(lines.numbers(4, left), [lines.number], whole=(0, 1, 2, 3))
        channels, _, _, count = header[0].astype(int).tolist()
        if count < 0 or channels not in (1, 3):
            raise _wrong(lines.number, f"{channels} channels and {count} windows cannot be")
        windows = _windows(lines, count, left)
        if left:
            raise _wrong(lines.number, "there are numbers behind the last window")
        yield WindowPicture(path, channels, start, windows)


def _windows(lines: _Lines, count: int, left: deque[str]) -> NDArray[np.float64]:
    """All windows of a picture, taken one by one: what a file claims is not allocated before it is there."""
    words: list[str] = []
    where: list[int] = []
    for _ in range(count):
        words.extend(lines.numbers(NUMBERS, left))
        where.append(lines.number)
    return _numbers(words, where, whole=(0, 2, 3, 4, 5)) if count else np.zeros((0, NUMBERS))


def _numbers(words: list[str], where: list[int], *, whole: tuple[int, ...]) -> NDArray[np.float64]:
    """A row of numbers for each line of `where`; the columns `whole` hold whole numbers."""
    try:
        values = np.array(words, np.float64)
    except ValueError:
        values = np.array([_float(word) for word in words])
    values = values.reshape(len(where), -1)
    bad = ~(np.abs(values) < 2**31).all(1)  # NaN too
    if bad.any():
        raise _wrong(where[int(bad.argmax())], "there is something that is not a number, or too large")
    bad = (values[:, whole] % 1 != 0).any(1)
    if bad.any():
        raise _wrong(where[int(bad.argmax())], "sizes, labels and corners are whole numbers")
    return values


def _float(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _wrong(line: int, what: str) -> InputError:
    return InputError(f"line {line}: {what}", line=line, hint="See the format of R-CNN's window files.")
