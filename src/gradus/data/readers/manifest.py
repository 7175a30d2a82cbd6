"""A table with a row for each picture: CSV or JSON lines, with the columns path, label and, if wanted, split.

Columns are found by their names, of which the usual ones are known (`file_name` is that of Hugging Face's
`metadata.csv`). A row that cannot be used is noted with its line; it does not stop the others.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.readers.folder import EVERY, SPLITS, Watcher
from gradus.data.readers.textfile import HOPELESS, BadLineError, Places, numbered_lines, opened

LONGEST_ROW = 1 << 17
LONGEST_LABEL = 500
COLUMNS = {
    "path": ("path", "file_name", "filename", "file", "image", "image_path", "filepath"),
    "label": ("label", "class", "category", "label_name", "class_name"),
    "group": ("group", "group_id", "patient_id", "subject_id", "video_id"),
    "split": ("split", "set", "subset", "partition"),
}

Row = Mapping[str, str]  # by our names of the columns


@dataclass(slots=True)
class Table:
    """The rows in order: (file without the first `/`, label, split or None); and the groups of files that have one."""

    rows: list[tuple[str, str, Split | None]] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)


def read_manifest(path: Path, places: Places, watch: Watcher) -> Table:
    """Read a table. `InputError` where it has no such columns, or no row of use."""
    table = Table()
    with opened(path, "train") as file:
        start = file.read(4)
        file.seek(0)
        if start == b"PAR1":
            raise _no_table(path, "it is Parquet, which is not read here", "Save it as CSV or JSON lines.")
        lines = numbered_lines(file, path, "train", LONGEST_ROW)
        read = _json if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else _csv
        for number, row in read(lines, path):
            try:
                if isinstance(row, BadLineError):
                    raise row
                table.rows.append(used := _use(row, places))
                if group := row.get("group", "").strip():
                    table.groups[used[0]] = group
            except BadLineError as error:
                table.bad.append(BadFile(file=f"{escape(path.name)}, line {number:,}", reason=str(error)))
                if len(table.bad) == HOPELESS and not table.rows:
                    break
            if (len(table.rows) + len(table.bad)) % EVERY == 0:
                watch(len(table.rows))
    if not table.rows:
        found = "".join(f"; {bad.file}: {bad.reason}" for bad in table.bad[:3])
        raise _no_table(path, f"no row can be used{found}", "A row has the path of a picture and its label.")
    return table


def _use(row: Row, places: Places) -> tuple[str, str, Split | None]:
    label, split = row.get("label", "").strip(), row.get("split", "").strip().lower()
    if not row.get("path"):
        raise BadLineError("has no path")
    if not label or len(label) > LONGEST_LABEL:
        raise BadLineError("has no label" if not label else f"has a label of more than {LONGEST_LABEL} characters")
    if split and split not in SPLITS:
        raise BadLineError(f"split “{escape(split)[:50]}”: it can be train, validation or test")
    return places.find(row["path"])[1:], escape(label), SPLITS.get(split)


def _csv(lines: Iterator[tuple[int, bytes]], path: Path) -> Iterator[tuple[int, Row | BadLineError]]:
    number, first = next(lines, (1, b""))
    header = os.fsdecode(first)
    delimiter = max(",;\t", key=header.count)
    names = _columns(next(csv.reader([header], delimiter=delimiter), []), path)
    places = [(ours, index) for index, ours in enumerate(names) if ours]

    def texts() -> Iterator[str]:
        nonlocal number
        for place, line in lines:
            number = place
            yield os.fsdecode(line) + "\n"

    reader = csv.reader(texts(), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, BadLineError(str(error))
            continue
        if cells:
            yield number, {ours: cells[index] for ours, index in places if index < len(cells)}


def _json(lines: Iterator[tuple[int, bytes]], path: Path) -> Iterator[tuple[int, Row | BadLineError]]:
    names: dict[str, str] = {}
    for number, line in lines:
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            yield number, BadLineError("not an object of JSON")
            continue
        if not isinstance(found, dict):
            yield number, BadLineError("not an object of JSON")
            continue
        if not names:
            names = {theirs: ours for theirs, ours in zip(found, _columns(list(found), path), strict=True) if ours}
        row = {ours: str(found[theirs]) for theirs, ours in names.items() if isinstance(found.get(theirs), str | int)}
        yield number, row


def _columns(header: list[str], path: Path) -> list[str]:
    """Our name of each column, empty for those that are not wanted."""
    names = [""] * len(header)
    plain = [name.strip().lower() for name in header]
    for ours, known in COLUMNS.items():
        first = next((name for name in known if name in plain), None)
        if first is not None:
            names[plain.index(first)] = ours
    missing = [ours for ours in ("path", "label") if ours not in names]
    if missing:
        shown = ", ".join(escape(name)[:40] for name in header[:10]) or "none"
        raise _no_table(
            path, f"there is no column {' and no column '.join(missing)}; there are: {shown}",
            "The first line of a CSV names its columns: path, label and, if wanted, split.",
        )  # fmt: skip
    return names


def _no_table(path: Path, reason: str, hint: str) -> InputError:
    return InputError(f"The table cannot be used: {reason}", field="train", file=escape(str(path)), hint=hint)
