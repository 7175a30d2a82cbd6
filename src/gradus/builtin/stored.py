"""Entries for records that are in a database already, so that a few of them can be shown before it is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.arrays import decode_record
from gradus.data.readers.database import Numbered
from gradus.plugins.data import Array, Entry


class StoredEntries(Sequence[Entry]):
    """An entry for each record of a split, made when it is asked for: there may be millions."""

    def __init__(self, split: Split, count: int) -> None:
        self._split = split
        self._numbers = range(count)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[number] for number in self._numbers[index]]
        number = self._numbers[index]
        return Entry(f"{self._split}, record {number:,}", (self._split, number))


def stored_array(database: Numbered, number: int, digits: int) -> Array:
    """The record of that number as an array, where keys begin with numbers of so many digits; else the first."""
    keys = database.keys_from(b"%0*d" % (digits, number), 1) or database.keys_from(b"", 1)
    if not keys:
        raise InputError("the database has no records")
    with database.records(keys) as records:
        return decode_record(next(records)).copy()
