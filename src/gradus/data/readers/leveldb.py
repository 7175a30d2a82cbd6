"""A LevelDB of records, opened for reading.

LevelDB lets one process at a time open a database, once, and writes its own log into the folder. Handles are
therefore shared by path and closed with their last user, as those of LMDB are.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import ModuleType

from gradus.core.errors import InputError, NotFoundError, UnavailableError

_open: dict[Path, LevelDatabase] = {}
_lock = Lock()


class LevelDatabase:
    """The records of one database in the order of their keys. Use `open_level_database` to get one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.users = 0
        self._plyvel = _library()
        try:
            self._database = self._plyvel.DB(str(path), create_if_missing=False)
        except (self._plyvel.Error, OSError) as error:
            raise InputError(
                f"The database {path.name} cannot be opened: {error}",
                file=str(path),
                hint="LevelDB needs write access to the folder, and lets only one process in at a time.",
            ) from error

    def keys(self) -> list[bytes]:
        """Every key, in order."""
        with self._reading():
            return list(self._database.iterator(include_value=False, verify_checksums=True))

    @contextmanager
    def after(self, key: bytes | None) -> Iterator[Iterator[tuple[bytes, memoryview]]]:
        """Keys and records in order, those behind `key` or all."""
        place = {"start": key, "include_start": False} if key is not None else {}
        with self._reading(), self._database.iterator(**place, fill_cache=False, verify_checksums=True) as found:
            yield ((name, memoryview(value)) for name, value in found)

    @contextmanager
    def records(self, keys: Sequence[bytes]) -> Iterator[Iterator[memoryview]]:
        """The records of `keys`, in that order."""
        with self._reading():
            yield (self._record(key) for key in keys)

    def close(self) -> None:
        """Tell that one user is done; the last one closes the database."""
        with _lock:
            self.users -= 1
            if self.users == 0:
                _open.pop(self.path, None)
                self._database.close()

    def _record(self, key: bytes) -> memoryview:
        value = self._database.get(key, verify_checksums=True)
        if value is None:
            raise NotFoundError(f"{self.path.name} has no record {key.decode(errors='replace')}", file=str(self.path))
        return memoryview(value)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except self._plyvel.Error as error:
            raise InputError(f"The database {self.path.name} is damaged: {error}", file=str(self.path)) from error


def open_level_database(path: Path) -> LevelDatabase:
    """Open a database, or share the handle that this process already has. Close it when done."""
    path = path.resolve()
    with _lock:
        database = _open.get(path)
        if database is None:
            database = _open[path] = LevelDatabase(path)
        database.users += 1
        return database


def _library() -> ModuleType:
    try:
        return importlib.import_module("plyvel")
    except ImportError as error:
        raise UnavailableError(
            "LevelDB cannot be read here: the library plyvel is missing, which has no build for this Python",
            hint="Run Gradus with Python 3.11 or 3.12, or convert the database to LMDB.",
        ) from error
