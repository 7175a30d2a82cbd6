"""What regression and multi-label classification have in common: pictures that a table names, with values beside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradus.builtin.table_options import TableFields
from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.fitting import fit_file
from gradus.data.grouping import by_expression
from gradus.data.lists import escape
from gradus.data.pictures import read_file
from gradus.data.readers.folder import EXTENSIONS, SPLITS
from gradus.data.readers.manifest import COLUMNS
from gradus.data.readers.table import Row, no_table, open_table, read_rows, text_of
from gradus.data.readers.textfile import BadLineError, Places
from gradus.data.shares import divide
from gradus.plugins.data import Watch

BESIDE = frozenset(("id", "idx", "index", "unnamed: 0", *COLUMNS["split"], *COLUMNS["group"]))
LIST = "1"  # the only column of a list
LOOKED_AT = 100  # rows, of which the first without gaps tells what the columns hold
MOST_COLUMNS = 4096  # of values

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Named(Generic[V]):
    """A row: the picture as the table names it, its whole path, and what stands beside it."""

    name: str
    path: str
    values: V
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, and what its `first` row has in them. `path` is that of paths.

    A list has lines of a path and `numbers` words after it, parted by blanks; its columns are called by their places.
    """

    all: Sequence[str]
    first: Row
    path: str
    split: str | None = None
    numbers: int = 0

    @property
    def others(self) -> list[str]:
        """All that may hold values."""
        return [name for name in self.all if name not in (self.path, self.split) and name.lower() not in BESIDE]

    def need(self, name: str, field: str) -> str:
        """The column that a user names, however it is capitalised."""
        return _need(self.all, name, field)

    def parted(self, row: Row) -> Row:
        """A row by its columns: that of a list is one cell."""
        return _parted(text_of(row.get(LIST)), self.numbers) if self.numbers else row


@dataclass(slots=True)
class Rows(Generic[V]):
    """All that tables say."""

    splits: dict[Split, list[Named[V]]]
    bad: list[BadFile]


Use = Callable[[Row], V]
"""What stands beside the picture of a row. `BadLineError` says why it cannot be used."""


@dataclass(slots=True)
class Tables(Generic[V]):
    """The tables of a dataset. `find` tells what to make of a row, and of which columns, by the columns and the field.

    The same seed gives the same shares; `roots` are the folders that may be read.
    """

    options: TableFields
    seed: int
    roots: list[str] | None
    find: Callable[[Columns, str], tuple[Use[V], Collection[str]]]
    watch: Watch
    bad: list[BadFile] = field(default_factory=list)

    def read(self) -> Rows[V]:
        """The rows of each split, in their order: by table, by their column “split”, the rest by chance."""
        options = self.options
        rows = self._read(options.table_file, "table_file")
        splits = {split: [row for row in rows if (row.split or Split.TRAIN) is split] for split in Split}
        if options.val_table_file:
            splits[Split.VAL] = self._read(options.val_table_file, "val_table_file")
        asked = ((Split.VAL, options.validation_percent), (Split.TEST, options.test_percent))
        shares = {split: 0 if splits[split] else share for split, share in asked}
        train = splits[Split.TRAIN]
        key = by_expression(options.group_expression) if options.group_expression else None
        places = divide([row.name for row in train], shares, self.seed, key)
        for split in Split:
            kept = [] if split is Split.TRAIN else splits[split]
            splits[split] = kept + [train[place] for place in places[split]]
        return Rows(splits, self.bad)

    def _read(self, file: str, named: str) -> list[Named[V]]:
        columns = find_columns(self.options, file, named)
        values, wanted = self.find(columns, named)
        start = Path(self.options.image_folder) if self.options.image_folder else Path(file).parent
        places = Places(start, self.roots)

        def use(row: Row, _number: int) -> Named[V]:
            row = columns.parted(row)
            path = text_of(row.get(columns.path))
            if not path:
                raise BadLineError("has no path")
            split = text_of(row.get(columns.split)).lower() if columns.split else ""
            if split and split not in SPLITS:
                raise BadLineError(f"split “{escape(split)[:50]}”: it can be train, validation or test")
            return Named(path, places.find(path), values(row), SPLITS.get(split))

        with open_table(Path(file), named, is_header) as table:
            asked = {columns.path, *wanted, *([columns.split] if columns.split else [])}
            rows, bad = read_rows(table, use, self.watch, named, None if columns.numbers else asked)
        self.bad += bad
        return rows


def is_header(cells: Sequence[str]) -> bool:
    """Whether the first row of a CSV names columns: it has no number and no picture."""
    words = [word for cell in cells for word in cell.split()]
    return not any(is_number(word) or _is_picture(word) for word in words)


def is_number(text: str) -> bool:
    """Whether it reads as a decimal number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def find_columns(options: TableFields, file: str, named: str) -> Columns:
    """What the columns are. `InputError` where there is none of paths."""
    with open_table(Path(file), named, is_header) as table:
        head = [row for _, row in islice(table.rows(), LOOKED_AT) if not isinstance(row, BadLineError)]
        whole = (row for row in head if all(cell not in ("", None) for cell in row.values()))
        first: Row = next(whole, head[0] if head else {})
        names = list(table.columns)
        if names == [LIST] and not table.has_header:
            return _list(text_of(first.get(LIST)))
        split = table.find(COLUMNS["split"]) if table.has_header else None
        path = _need(names, options.path_column, "path_column") if options.path_column else None
        if path is None and table.has_header:
            path = table.find(COLUMNS["path"])
        path = path or next((name for name in names if _is_picture(text_of(first.get(name)))), None)
        if path is None:
            raise no_table(
                Path(file), named, f"no column looks like paths of images; there are: {listed(names)}",
                "Name it “path”, or say under “Columns” what it is called.",
            )  # fmt: skip
        return Columns(names, first, path, split)


def _list(line: str) -> Columns:
    """The columns of a list: as many numbers as its first line has after the path."""
    words = line.split()
    numbers = next((at for at, word in enumerate(reversed(words)) if not is_number(word)), len(words) - 1)
    first = _parted(line, numbers)
    return Columns(list(first), first, LIST, numbers=numbers)


def _parted(line: str, numbers: int) -> Row:
    path, *values = line.rsplit(None, numbers) if line else [""]
    return {LIST: path, **{str(place): value for place, value in enumerate(values, 2)}}


def _need(names: Sequence[str], name: str, field: str) -> str:
    found = next((each for each in names if each.lower() == name.lower()), None)
    if found is None:
        raise InputError(f"There is no column “{escape(name)}”; there are: {listed(names)}", field=field)
    return found


def read_picture(path: str, options: TableFields) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A picture at the size of the dataset, and the (width, height) that its file has."""
    fitted = fit_file(read_file(path), options.width, options.height, options.channels, options.resize_mode)
    return fitted.pixels[..., 0] if options.channels == 1 else fitted.pixels, fitted.size


def chosen(names: str) -> list[str]:
    """The names of columns in a field of the form."""
    return [name.strip() for name in names.split(",") if name.strip()]


def listed(names: Sequence[str]) -> str:
    """The first columns of a table for a message."""
    return ", ".join(escape(name)[:40] for name in names[:10]) + (", …" if len(names) > 10 else "") or "none"


def _is_picture(text: str) -> bool:
    return text.lower().endswith(tuple(EXTENSIONS))
