"""An LMDB of records, opened for reading.

py-lmdb allows one handle on a database in a process; pages and training threads want several. Handles
are therefore shared by path and closed with their last user.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import lmdb

from gradus.core.errors import InputError, NotFoundError
from gradus.data.readers.linked import check

_open: dict[Path, Database] = {}
_lock = Lock()


class Database:
    """The records of one database in the order of their keys. Use `open_database` to get one."""

    in_order = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.users = 0
        # No lock file: the databases are never written again once they have their name.
        self._environment: Any = lmdb.open(str(path), readonly=True, lock=False, max_spare_txns=16)

    def __len__(self) -> int:
        return int(self._environment.stat()["entries"])

    def check_whole(self) -> None:
        """Refuse a file with fewer pages than its records take: to read what is not there would kill the process.

        The last page's number would not do: pages that were freed before they were written are no part of the file.
        """
        facts = self._environment.stat()
        pages = 2 + facts["branch_pages"] + facts["leaf_pages"] + facts["overflow_pages"]
        size, wanted = (self.path / "data.mdb").stat().st_size, pages * facts["psize"]
        if size < wanted:
            self._environment.close()
            raise lmdb.CorruptedError(f"data.mdb has {size:,} of {wanted:,} bytes")

    def keys(self) -> list[bytes]:
        """Every key, in order."""
        with self._reading() as transaction:
            return list(transaction.cursor().iternext(keys=True, values=False))

    def keys_from(self, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys from `start` on, in order."""
        found: list[bytes] = []
        with self._reading() as transaction:
            cursor = transaction.cursor()
            if limit > 0 and cursor.set_range(start):
                for key in cursor.iternext(keys=True, values=False):
                    found.append(key)
                    if len(found) == limit:
                        break
        return found

    @contextmanager
    def after(self, key: bytes | None) -> Iterator[Iterator[tuple[bytes, memoryview]]]:
        """Keys and records in order, those behind `key` or all; the records are valid inside the block only."""
        with self._reading(buffers=True) as transaction:
            yield _behind(transaction.cursor(), key)

    @contextmanager
    def records(self, keys: Sequence[bytes]) -> Iterator[Iterator[memoryview]]:
        """The records of `keys`, in that order, as views that are valid inside the block only."""
        with self._reading(buffers=True) as transaction:
            yield (self._record(transaction, key) for key in keys)

    def close(self) -> None:
        """Tell that one user is done; the last one closes the database."""
        with _lock:
            self.users -= 1
            if self.users == 0:
                _open.pop(self.path, None)
                self._environment.close()

    @contextmanager
    def _reading(self, *, buffers: bool = False) -> Iterator[Any]:
        """A transaction; what of the file turns out to be damaged is an `InputError`."""
        try:
            with self._environment.begin(buffers=buffers) as transaction:
                yield transaction
        except lmdb.Error as error:
            raise InputError(
                f"The database {self.path.name} is damaged: {error}",
                file=str(self.path),
                hint="Build the dataset again.",
            ) from error

    def _record(self, transaction: Any, key: bytes) -> memoryview:
        value = transaction.get(key)
        if value is None:
            raise NotFoundError(f"{self.path.name} has no record {key.decode(errors='replace')}", file=str(self.path))
        return memoryview(value)


def _behind(cursor: Any, key: bytes | None) -> Iterator[tuple[bytes, memoryview]]:
    if key is not None:
        if not cursor.set_range(key) or (bytes(cursor.key()) == key and not cursor.next()):
            return
        for name, value in cursor.iternext():
            yield bytes(name), value
        return
    for name, value in cursor:
        yield bytes(name), value


def open_database(path: Path) -> Database:
    """Open a database, or share the handle that this process already has. Close it when done."""
    path = path.resolve()
    check(path)
    with _lock:
        database = _open.get(path)
        if database is None:
            if not (path / "data.mdb").is_file():
                raise NotFoundError(f"There is no database at {path}", file=str(path), hint="Build the dataset again.")
            try:
                database = Database(path)
                database.check_whole()
            except lmdb.Error as error:
                raise InputError(
                    f"The database {path.name} cannot be read: {error}",
                    file=str(path),
                    hint="Build the dataset again.",
                ) from error
            _open[path] = database
        database.users += 1
        return database


def label_of(key: bytes) -> int:
    """The class number in a key of the form `%08d_<label>`; -1 for keys of another form."""
    _, found, label = key.partition(b"_")
    return int(label) if found and label.isdigit() else -1
