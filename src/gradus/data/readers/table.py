"""The rows of a table, whichever file holds them: CSV, JSON lines or Parquet, told apart by how they begin.

CSV may be parted by commas, semicolons or tabs, and its cells are text. JSON lines have the types of JSON,
Parquet its own; a column that Hugging Face's metadata calls a class label gives names in place of numbers.
Rows come one by one with their line (in Parquet: their number), and none is kept: a table may be of any length.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from gradus.core.dataset import BadFile
from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.readers.folder import EVERY, Watcher
from gradus.data.readers.textfile import HOPELESS, BadLineError, hopeless, numbered_lines, opened
from gradus.data.sniff import UNKNOWN, seen

if TYPE_CHECKING:
    from _csv import Reader

    from pyarrow.parquet import ParquetFile

T = TypeVar("T")
Row = Mapping[str, object]  # by the names of the columns
Rows = Iterator[tuple[int, Row | BadLineError]]
HasHeader = Callable[[Sequence[str]], bool]

LONGEST_ROW = 1 << 17  # bytes of a line
BATCH = 1000  # rows of Parquet in memory at once
SAMPLE = 1 << 16  # bytes looked at to find the delimiter
DELIMITERS = ",;\t"
MAGIC = b"PAR1"
_MARK, _BLANKS = b"\xef\xbb\xbf", b" \t\r\n"
_QUOTED = re.compile(r'(?<![^,;\t\n])"(?:[^"]|"")*"?')


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A table whose columns are known. A column without a name has its number, counted from 1."""

    path: Path
    columns: Sequence[str]
    unit: str  # what a row's number counts: "line" or "row"
    has_header: bool  # whether the columns have names
    _read: Callable[[Collection[str] | None], Rows]

    def rows(self, wanted: Collection[str] | None = None) -> Rows:
        """Each row with its number, or why it is none; of all columns, or only those that are wanted. Read once."""
        return self._read(wanted)

    def place(self, number: int) -> str:
        """A row as messages name it."""
        return f"{escape(self.path.name)}, {self.unit} {number:,}"

    def find(self, names: Collection[str]) -> str | None:
        """The column that has the first of these names that there is, however it is capitalised."""
        plain = {name.lower(): name for name in reversed(self.columns)}
        return next((plain[name] for name in names if name in plain), None)


def _always(_cells: Sequence[str]) -> bool:
    return True


@contextmanager
def open_table(path: Path, named: str, has_header: HasHeader = _always) -> Iterator[OpenTable]:
    """Open a table. `named` is the field of the form that errors name.

    `has_header` tells from the first row of a CSV whether it names the columns.
    """
    with opened(path, named) as file:
        sample = file.read(SAMPLE)
        file.seek(0)
        if sample.startswith(MAGIC):
            yield _parquet(file, path, named)
        elif sample.removeprefix(_MARK).lstrip(_BLANKS).startswith(b"{"):
            yield _json(file, path, named)
        elif b"\0" in sample and (kind := seen(sample)) != UNKNOWN:
            hint = "Give CSV in UTF-8, JSON lines or Parquet."
            raise no_table(path, named, f"it is no text but {kind}", hint)
        else:
            yield _csv(file, path, named, _delimiter(sample), has_header)


def read_rows(
    table: OpenTable, use: Callable[[Row, int], T], watch: Watcher, named: str, wanted: Collection[str] | None = None
) -> tuple[list[T], list[BadFile]]:
    """What `use` makes of each row and its number, and the rows of which it makes nothing: it raises `BadLineError`.

    `watch` is told how many there are so far. `InputError` where no row can be used.
    """
    used: list[T] = []
    bad: list[BadFile] = []
    for number, row in table.rows(wanted):
        try:
            if isinstance(row, BadLineError):
                raise row
            used.append(use(row, number))
        except BadLineError as error:
            bad.append(BadFile(file=table.place(number), reason=str(error)))
            if hopeless(len(used), len(bad)):
                break
        if (len(used) + len(bad)) % EVERY == 0:
            watch(len(used))
    if hopeless(len(used), len(bad)) or not used:
        many = f"only {len(used):,} of the first {len(used) + len(bad):,} rows" if used else "no row"
        found = "".join(f"; {each.file}: {each.reason}" for each in bad[:3])
        raise no_table(table.path, named, f"{many} can be used{found}", "Correct the rows, or give another table.")
    return used, bad


def text_of(cell: object) -> str:
    """A cell as text without blanks around it; empty for what is missing, not a number, or no single value."""
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    return str(cell).strip() if isinstance(cell, str | int) else ""


def no_table(path: Path, named: str, reason: str, hint: str) -> InputError:
    """Why a file is of no use as a table."""
    return InputError(f"The table cannot be used: {reason}", field=named, file=escape(str(path)), hint=hint)


def _delimiter(sample: bytes) -> str:
    """The one that every line has most of, outside quotes; the first line decides where no line has any."""
    lines = _QUOTED.sub("", os.fsdecode(sample.removeprefix(_MARK))).splitlines()
    if len(sample) == SAMPLE and len(lines) > 1:
        lines.pop()  # cut off
    full = [line for line in lines if line.strip()] or [""]
    return max(DELIMITERS, key=lambda mark: (min(line.count(mark) for line in full), full[0].count(mark)))


def _csv(file: BinaryIO, path: Path, named: str, delimiter: str, has_header: HasHeader) -> OpenTable:
    lines = (os.fsdecode(line) + "\n" for _, line in numbered_lines(file, path, named, LONGEST_ROW))
    reader = csv.reader(lines, delimiter=delimiter)
    records = _records(reader)
    number, first = next(records, (1, []))
    if isinstance(first, BadLineError):
        raise no_table(path, named, f"line {number}: {first}", "A quote opened on that line is never closed.")
    header = has_header(first)
    columns = [cell.strip() or str(place) for place, cell in enumerate(first, 1)]
    if not header:
        columns = [str(place) for place in range(1, len(first) + 1)]

    first_of = {name: columns.index(name) for name in columns}

    def rows(wanted: Collection[str] | None) -> Rows:
        places = [(name, at) for name, at in first_of.items() if wanted is None or name in wanted]
        if not header and first:
            yield number, {name: first[at] for name, at in places}
        for line, cells in records:
            if isinstance(cells, BadLineError):
                yield line, cells
            elif any(cells[len(columns) :]):
                yield line, BadLineError(f"has {len(cells):,} cells, more than the {len(columns):,} columns")
            elif cells:
                yield line, {name: cells[at] for name, at in places if at < len(cells)}

    return OpenTable(path, columns, "line", header, rows)


def _records(reader: Reader) -> Iterator[tuple[int, list[str] | BadLineError]]:
    """The cells of each row, with the line on which it begins."""
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, BadLineError(str(error))
        else:
            yield number, cells


def _json(file: BinaryIO, path: Path, named: str) -> OpenTable:
    objects = _objects(numbered_lines(file, path, named, LONGEST_ROW))
    waiting: list[tuple[int, Row | BadLineError]] = []
    columns: list[str] = []
    for number, found in objects:
        waiting.append((number, found))
        if not isinstance(found, BadLineError):
            columns = list(found)
            break
        if len(waiting) == HOPELESS:
            break

    def rows(_wanted: Collection[str] | None) -> Rows:
        yield from waiting
        yield from objects

    return OpenTable(path, columns, "line", True, rows)


def _objects(lines: Iterator[tuple[int, bytes]]) -> Rows:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        yield number, found if isinstance(found, dict) else BadLineError("not an object of JSON")


def _parquet(file: BinaryIO, path: Path, named: str) -> OpenTable:
    import pyarrow
    import pyarrow.parquet

    try:
        source = pyarrow.parquet.ParquetFile(file, pre_buffer=False)
        names = _class_names((source.schema_arrow.metadata or {}).get(b"huggingface", b""))
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, named, error) from error

    def rows(wanted: Collection[str] | None) -> Rows:
        number = 0
        try:
            for batch in _batches(source, wanted):
                for row in batch:
                    number += 1
                    for column in names.keys() & row.keys():
                        row[column] = _name(names[column], row[column])
                    yield number, row
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(path, named, error, after=number) from error

    return OpenTable(path, list(source.schema_arrow.names), "row", True, rows)


def _batches(source: ParquetFile, wanted: Collection[str] | None) -> Iterator[list[dict[str, object]]]:
    columns = [name for name in source.schema_arrow.names if wanted is None or name in wanted]
    for batch in source.iter_batches(BATCH, columns=columns, use_threads=False):
        yield batch.to_pylist()


def _damaged(path: Path, named: str, error: Exception, after: int = 0) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else "unknown reasons"
    where = f" after row {after:,}" if after else ""
    return no_table(path, named, f"the Parquet file is damaged{where}: {reason}", "Write the file again.")


def _class_names(metadata: bytes) -> dict[str, list[str]]:
    """The names that `datasets` of Hugging Face writes into the schema for columns of type ClassLabel."""
    try:
        features = json.loads(metadata or b"{}")["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature["names"], list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _name(names: Sequence[str], value: object) -> object:
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
