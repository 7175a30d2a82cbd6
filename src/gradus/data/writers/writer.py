"""Databases being written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Backend
from gradus.data.wire import Buffer
from gradus.data.writers.hdf5 import Hdf5Writer
from gradus.data.writers.lmdb import LmdbWriter


class Writer(Protocol):
    """Appends records to a new folder, which the caller moves to its final name after `close`."""

    count: int

    def append(self, records: Sequence[tuple[int, Buffer]]) -> None:
        """Add (label, record) pairs behind those already there."""

    def close(self) -> int:
        """Write what is left, flush it to the disk and return the size of the database in bytes."""

    def __enter__(self) -> Self:
        """Close whatever happens."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def open_writer(options: ClassificationOptions, folder: Path) -> Writer:
    """A new database in `folder`, which must not be there yet."""
    if options.backend is Backend.LMDB:
        return LmdbWriter(folder)
    return Hdf5Writer(folder, options.compression)
