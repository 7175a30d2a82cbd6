"""Databases of records, whichever library wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from gradus.core.errors import NotFoundError
from gradus.data.readers.hdf5 import Hdf5Database
from gradus.data.readers.leveldb import open_level_database
from gradus.data.readers.lmdb import open_database


class Records(Protocol):
    """Records in the order of their keys."""

    path: Path

    def keys(self) -> list[bytes]:
        """Every key, in order."""

    def after(self, key: bytes | None) -> AbstractContextManager[Iterator[tuple[bytes, memoryview]]]:
        """Keys and records in order, those behind `key` or all; the records are valid inside the block only."""

    def records(self, keys: Sequence[bytes]) -> AbstractContextManager[Iterator[memoryview]]:
        """The records of `keys`, in that order, valid inside the block only."""

    def close(self) -> None:
        """Release the database."""


class Numbered(Records, Protocol):
    """Records of a dataset that was built here: their keys begin with their number."""

    in_order: bool  # whether reading all in order is far quicker than one here and there

    def __len__(self) -> int:
        """How many there are."""

    def keys_from(self, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys from `start` on, in order."""


def open_numbered(path: Path) -> Numbered:
    """Open one database of a dataset: HDF5 files or an LMDB."""
    return Hdf5Database(path) if _is_hdf5(path) else open_database(path)


def _is_hdf5(path: Path) -> bool:
    return not (path / "data.mdb").is_file() and next(path.glob("*.h5"), None) is not None


def open_records(path: Path) -> Records:
    """Open an LMDB, a LevelDB or a folder of HDF5 files, told apart by the files in it."""
    if (path / "data.mdb").is_file():
        return open_database(path)
    if (path / "CURRENT").is_file():
        return open_level_database(path)
    if _is_hdf5(path):
        return Hdf5Database(path)
    raise NotFoundError(
        f"There is no database at {path}" if path.is_dir() else f"The folder {path} does not exist",
        file=str(path),
        hint="An LMDB is a folder with a data.mdb, a LevelDB one with a file CURRENT.",
    )
