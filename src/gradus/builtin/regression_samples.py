"""The samples of a regression dataset: the numbers of each row, then its picture."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from gradus.builtin.regression_options import RegressionOptions
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
from gradus.data.readers.table import Row, text_of
from gradus.data.readers.textfile import BadLineError
from gradus.plugins.data import Decoder, Entry, Sample, Scan, Watch

Numbers = NDArray[np.float32]


def scan(options: RegressionOptions, watch: Watch) -> Scan:
    """Read the table, divide its rows, and sum up the numbers of those for training."""
    targets: list[str] = []

    def find(columns: Columns, named: str) -> tuple[Use[Numbers], Collection[str]]:
        use, wanted, names = _targets(columns, options, named)
        if targets and len(targets) != len(names):
            raise InputError(
                f"has {len(names):,} numbers in a row, and the table for training {len(targets):,}", field=named
            )
        targets[:] = targets or names
        return use, wanted

    found = Tables(options, options.seed, options.roots, find, watch).read()
    entries: dict[Split, Sequence[Entry]] = {
        split: [Entry(row.name, row) for row in rows] for split, rows in found.splits.items()
    }
    whole = Scan(entries, bad=found.bad)
    whole.user = {"targets": _summary(targets, found.splits[Split.TRAIN])}
    return whole


def prepare(options: RegressionOptions) -> Decoder:
    """The picture and numbers of each row."""

    def decode(entry: Entry) -> Sample:
        row: Named[Numbers] = entry.source
        pixels, size = read_picture(row.path, options)
        return Sample(pixels, row.values, size=size)

    return decode


def _targets(
    columns: Columns, options: RegressionOptions, named: str
) -> tuple[Use[Numbers], Collection[str], list[str]]:
    """How the numbers of a row are found, in which columns, and what they are called; the first row decides."""
    names = [columns.need(name, "target_columns") for name in chosen(options.target_columns)]
    counts = {name: len(_numbers(columns.first.get(name))) for name in names or columns.others}
    for name in names:
        if not counts[name]:
            raise InputError(f"The column “{escape(name)}” does not hold numbers", field="target_columns")
    counts = {name: count for name, count in counts.items() if count}
    total = sum(counts.values())
    if not 0 < total <= MOST_COLUMNS:
        reason = f"{total:,} numbers in a row" if total else "No column holds numbers"
        raise InputError(
            f"{reason}; there are the columns {listed(columns.all)}", field=named,
            hint=f"A row has the path of an image and 1 to {MOST_COLUMNS:,} numbers.",
        )  # fmt: skip
    called = [
        name if count == 1 else f"{name} {place}" for name, count in counts.items() for place in range(1, count + 1)
    ]

    def use(row: Row) -> Numbers:
        values: list[float] = []
        for name, count in counts.items():
            found = _numbers(row.get(name))
            if len(found) != count or not all(map(math.isfinite, found)):
                what = f"{count:,} finite numbers" if count > 1 else "a finite number"
                raise BadLineError(f"column “{escape(name)}” has not {what}: {escape(text_of(row.get(name)))[:40]}")
            values += found
        return np.asarray(values, np.float32)

    return use, counts, called


def _numbers(cell: object) -> list[float]:
    """The numbers of a cell: one, or a list of JSON or Parquet. None where one of them is none."""
    if isinstance(cell, list):
        parts = [_numbers(each) if not isinstance(each, list) else [] for each in cell]
        return [part[0] for part in parts] if all(parts) else []
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return []
    try:
        return [float(cell)]
    except (ValueError, OverflowError):
        return []


def _summary(targets: Sequence[str], rows: Sequence[Named[Numbers]]) -> list[JsonValue]:
    """What is told of each number: over the rows for training."""
    if not rows:
        return []
    table = np.stack([row.values for row in rows]).astype(np.float64)
    return [
        {
            "name": escape(name),
            "min": float(column.min()),
            "mean": float(column.mean()),
            "max": float(column.max()),
            "std": float(column.std()),
        }
        for name, column in zip(targets, table.T, strict=True)
    ]
