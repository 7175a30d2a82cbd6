"""Records written to an LMDB in DIGITS' layout: value a Caffe `Datum`, key `%08d_<label>` or, if generic, `%09d`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import lmdb

from gradus.core.errors import InputError
from gradus.data.files import FULL, storage_full, sync_folder
from gradus.data.wire import Buffer

COMMIT_RECORDS = 256  # fewer cost a third of the speed on small pictures (measured)
COMMIT_BYTES = 8 * 2**20  # more does not come out of memory that was used before (`reuse_memory`)
FIRST_SIZE = 64 * 2**20
MOST = 10**8  # what the eight digits of a key can count


def labelled(place: int, label: int) -> bytes:
    """The key of a record of a classification dataset."""
    return b"%08d_%d" % (place, label)


def numbered(place: int, _label: int) -> bytes:
    """The key of a record of a generic dataset."""
    return b"%09d" % place


class LmdbWriter:
    """Appends records; the caller moves the folder to its final name after `close`.

    The disk is asked to keep the data once, at the end: a database that is not finished is never used. It begins to
    write after each commit all the same, so that little is left to wait for: a third of the time of raw records.
    """

    def __init__(self, folder: Path, key: Callable[[int, int], bytes] = labelled) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.count = 0
        self._key = key
        self._size = FIRST_SIZE
        self._pending: list[tuple[bytes, Buffer]] = []
        self._pending_bytes = 0
        self._begun = 0  # bytes of the file that the disk has been given
        try:
            self._environment = lmdb.open(str(folder), map_size=self._size, sync=False, metasync=False, subdir=True)
        except lmdb.Error as error:
            self._raise(error)

    def append(self, records: Sequence[tuple[int, Buffer]]) -> None:
        """Add (label, record) pairs behind those already there."""
        if self.count + len(records) > MOST:
            raise InputError(f"A database holds at most {MOST:,} pictures")
        for label, record in records:
            self._pending.append((self._key(self.count, label), record))
            self._pending_bytes += len(record)
            self.count += 1
            if self._pending_bytes >= COMMIT_BYTES or len(self._pending) >= COMMIT_RECORDS:
                self._commit()  # where pages end must not depend on how many records come at once

    def close(self) -> int:
        """Write what is left, flush it to the disk and return the size of the database in bytes."""
        self._commit()
        try:
            self._environment.sync(True)
        except lmdb.Error as error:
            self._raise(error)
        self._environment.close()
        (self.folder / "lock.mdb").unlink(missing_ok=True)  # a reader makes its own
        sync_folder(self.folder)
        return (self.folder / "data.mdb").stat().st_size

    def __enter__(self) -> LmdbWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._environment.close()

    def _commit(self) -> None:
        while self._pending:
            try:
                with self._environment.begin(write=True) as transaction:
                    transaction.cursor().putmulti(self._pending, append=True)
            except lmdb.MapFullError:  # the transaction is undone
                self._size *= 2
                self._environment.set_mapsize(self._size)
                continue
            except lmdb.Error as error:
                self._raise(error)
            self._pending.clear()
            self._pending_bytes = 0
            self._begin_writing()

    def _begin_writing(self) -> None:
        """Tell the system that what was added need not wait in memory. It stays readable there while it is written."""
        with (self.folder / "data.mdb").open("rb", buffering=0) as file:
            end = os.fstat(file.fileno()).st_size
            os.posix_fadvise(file.fileno(), self._begun, end - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = end

    def _raise(self, error: lmdb.Error) -> NoReturn:
        """Tell a full disk from other troubles. LMDB calls a write that was cut short an input/output error."""
        code = getattr(error, "code", None)
        if code in FULL or (code == errno.EIO and self._is_full()):
            raise storage_full(f"the database {self.folder.name}", self.folder) from error
        raise error

    def _is_full(self) -> bool:
        """Try to make the file, which is given up anyway, longer by what was to be written."""
        try:
            with (self.folder / "data.mdb").open("ab", buffering=0) as file:
                left = self._pending_bytes + (1 << 20)
                while left > 0:
                    left -= file.write(bytes(min(left, 1 << 20)))
        except OSError as error:
            return error.errno in FULL
        return False
