"""The database: one engine, its settings, and transactions that read or write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError

from gradus.core.errors import GradusError, StorageFullError, UnavailableError

BUSY_SECONDS = 5.0  # how long a statement waits for a lock that another process holds


class Database:
    """Transactions on SQLite (in WAL, every commit synced to the disk) or another SQL server.

    Any thread may use it. Writers of this process take turns before they ask the database, which is
    fairer and faster than SQLite's own waiting.
    """

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database) if self.is_sqlite and url.database else None
        self._turn = threading.Lock()
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}} if self.is_sqlite else {}
        self.engine = sa.create_engine(url, **options)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _configure)
            sa.event.listen(self.engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one moment of the database and never waits for writers."""
        with _translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is on the disk when the block ends, or left no trace if the block raised."""
        with _translated(), self._turn, self.engine.connect() as connection:
            connection = connection.execution_options(immediate=True)
            with connection.begin():
                yield connection

    def checkpoint(self) -> None:
        """Bring the write-ahead log into the main file and cut it, as far as no reader stands in the way."""
        if self.is_sqlite:
            with _translated(), self._turn, self.engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def healthy(self) -> bool:
        """Whether the main file can be read and its structure holds together."""
        if not self.is_sqlite:
            return True
        try:
            with self.engine.connect() as connection:
                return connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok"
        except OperationalError:
            raise
        except DatabaseError:
            return False

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy of an SQLite database while others go on using it."""
        with _translated(), self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("VACUUM INTO ?", (str(target),))

    def close(self) -> None:
        """Close all connections; SQLite then folds the log into the main file."""
        self.engine.dispose()


def sqlite_url(path: Path) -> sa.URL:
    """The address of an SQLite file."""
    return sa.URL.create("sqlite", database=str(path))


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver leaves BEGIN to us
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=1000"):
        connection.execute(f"PRAGMA {setting}").fetchall()


def _begin(connection: sa.Connection) -> None:
    # A transaction that will write takes the lock first: upgrading later could fail without waiting.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise _explain(error) from error


def _explain(error: OperationalError) -> GradusError:
    reason = str(error.orig)
    if "full" in reason:
        return StorageFullError(
            "the disk with the home folder is full", hint="make room; nothing that was saved is lost"
        )
    if "locked" in reason or "busy" in reason:
        return UnavailableError("the database is busy with another process", hint="try again in some seconds")
    return UnavailableError(f"the database cannot be used: {reason}", hint="see the server's log")
