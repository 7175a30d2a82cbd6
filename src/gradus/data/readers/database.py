"""Databases of records, whichever library wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from gradus.core.errors import NotFoundError
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


def open_records(path: Path) -> Records:
    """Open an LMDB or a LevelDB, told apart by the files in its folder."""
    if (path / "data.mdb").is_file():
        return open_database(path)
    if (path / "CURRENT").is_file():
        return open_level_database(path)
    raise NotFoundError(
        f"There is no database at {path}" if path.is_dir() else f"The folder {path} does not exist",
        file=str(path),
        hint="An LMDB is a folder with a data.mdb, a LevelDB one with a file CURRENT.",
    )
