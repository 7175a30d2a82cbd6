"""The samples of a multi-label dataset: the labels of each row as classes, then its picture."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradus.builtin.multilabel_options import MultiLabelOptions, Separator
from gradus.builtin.tables import (
    MOST_COLUMNS,
    Columns,
    Named,
    Tables,
    Use,
    chosen,
    listed,
    read_picture,
)
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.readers.manifest import COLUMNS, LONGEST_LABEL
from gradus.data.readers.table import Row, text_of
from gradus.data.readers.textfile import BadLineError, read_labels
from gradus.plugins.data import Decoder, Entry, Sample, Scan, Watch

LABELS = ("labels", "tags", "classes", "categories", *COLUMNS["label"], "tag")
MARKS = "|;,"  # in the order in which they are looked for
YES, NO = frozenset(("1", "1.0", "true", "yes")), frozenset(("0", "0.0", "-1", "-1.0", "false", "no"))  # -1: CelebA

SHOWN = 5  # labels in a remark

Cell = str | tuple[str, ...]
"""The labels of a row: text that is still to be parted, or each by itself."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The source of an entry: a picture, the numbers of its classes, and its labels that are none."""

    path: str
    numbers: tuple[int, ...]
    strange: tuple[str, ...]


def scan(options: MultiLabelOptions, watch: Watch) -> Scan:
    """Read the table and divide its rows. Classes are sorted by name, or in the order of columns or of a file."""
    names = read_labels(Path(options.class_labels_file), "class_labels_file") if options.class_labels_file else []
    columns: list[str] = []

    def find(table: Columns, named: str) -> tuple[Use[Cell], Collection[str]]:
        if not columns and (column := _label_column(table, options)):
            return lambda row: _cell(row.get(column)), [column]
        columns[:] = columns or _class_columns(table, options, named)
        return lambda row: _marked(row, columns), columns

    found = Tables(options, options.seed, options.roots, find, watch).read()
    rows = [row for split in Split for row in found.splits[split]]
    mark = _mark(options.separator, rows)
    classes = _classes(columns, names, [_parted(row.values, mark) for row in found.splits[Split.TRAIN]])
    places = {name: place for place, name in enumerate(classes)}
    entries: dict[Split, Sequence[Entry]] = {
        split: [Entry(row.name, _labelled(row, places, mark)) for row in found.splits[split]] for split in Split
    }
    whole = Scan(entries, names or classes, bad=found.bad)
    if bare := sum(not entry.source.numbers for split in Split for entry in entries[split]):
        whole.warnings.append(f"{bare:,} of {len(rows):,} images belong to no class")
    return whole


def prepare(options: MultiLabelOptions, scan: Scan) -> Decoder:
    """The picture of each row, and a vector of 0 and 1."""

    def decode(entry: Entry) -> Sample:
        source: Labelled = entry.source
        pixels, size = read_picture(source.path, options)
        vector = np.zeros(len(scan.labels), np.float32)
        vector[list(source.numbers)] = 1
        shown = ", ".join(source.strange[:SHOWN])
        remarks = [f"labels that are no class, and are left out: {shown}"] if source.strange else []
        return Sample(pixels, vector, remarks, dict.fromkeys(source.numbers, 1), size)

    return decode


def _labelled(row: Named[Cell], places: Mapping[str, int], mark: str) -> Labelled:
    labels = _parted(row.values, mark)
    strange = tuple(label for label in labels if label not in places)
    return Labelled(row.path, tuple(places[label] for label in labels if label in places), strange)


def _classes(columns: Sequence[str], names: Sequence[str], labels: Iterable[Sequence[str]]) -> list[str]:
    """What the labels of rows are matched with: columns, the names of a file, or all that there are, sorted."""
    if columns and names and len(columns) != len(names):
        raise InputError(
            f"There are {len(names):,} names and {len(columns):,} columns of classes", field="class_labels_file"
        )
    found = [escape(name) for name in columns] or list(names) or sorted({each for part in labels for each in part})
    if not 0 < len(found) <= MOST_COLUMNS:
        raise InputError(
            f"There are {len(found):,} classes in the rows for training; there can be 1 to {MOST_COLUMNS:,}",
            field="table_file", hint="Labels stand in one cell, or in a column of 0 and 1 for each class.",
        )  # fmt: skip
    return found


def _label_column(table: Columns, options: MultiLabelOptions) -> str | None:
    """The column of labels; None where each class has its own."""
    if options.class_columns:
        return None
    if options.label_column:
        return table.need(options.label_column, "label_column")
    plain = {name.lower(): name for name in table.others}
    return next((plain[name] for name in LABELS if name in plain), None)


def _class_columns(table: Columns, options: MultiLabelOptions, named: str) -> list[str]:
    asked = [table.need(name, "class_columns") for name in chosen(options.class_columns)]
    found = asked or [name for name in table.others if _flag(table.first.get(name)) is not None]
    if not found:
        raise InputError(
            f"No column holds labels, and none 0 and 1; there are the columns {listed(table.all)}", field=named,
            hint="Name the column of labels “labels”, or say under “Columns” what it is called.",
        )  # fmt: skip
    return found


def _marked(row: Row, columns: Sequence[str]) -> Cell:
    """The columns that hold a 1."""
    flags = {name: _flag(row.get(name)) for name in columns}
    if wrong := next((name for name, flag in flags.items() if flag is None), None):
        raise BadLineError(f"column “{escape(wrong)}” is neither 0 nor 1: {escape(text_of(row.get(wrong)))[:40]}")
    return tuple(escape(name) for name, flag in flags.items() if flag)


def _flag(cell: object) -> bool | None:
    text = text_of(cell).lower()
    return True if text in YES else False if text in NO else None


def _cell(cell: object) -> Cell:
    """The labels of a list; text stays whole until it is known what parts it."""
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):  # then it is text that begins so
            cell = json.loads(cell)
    labels = tuple(text_of(each) for each in cell) if isinstance(cell, list) else text_of(cell)
    longest = max(map(len, re.split(f"[{MARKS}]", labels) if isinstance(labels, str) else labels), default=0)
    if longest > LONGEST_LABEL:
        raise BadLineError(f"has a label of more than {LONGEST_LABEL} characters")
    return labels


def _mark(separator: Separator, rows: Iterable[Named[Cell]]) -> str:
    """What parts labels: the first of the marks that any of the cells has."""
    if separator is not Separator.AUTO:
        return separator.value
    seen = {mark for row in rows if isinstance(row.values, str) for mark in MARKS if mark in row.values}
    return next((mark for mark in MARKS if mark in seen), MARKS[0])


def _parted(cell: Cell, mark: str) -> tuple[str, ...]:
    """Each label once, without blanks around it."""
    labels = cell.split(mark) if isinstance(cell, str) else cell
    return tuple(dict.fromkeys(escape(label.strip()) for label in labels if label.strip()))
