"""Room for what is sent: a file is taken in only where it fits under the limit and on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from gradus.core.errors import StorageFullError
from gradus.data import uploads
from gradus.data.files import size_in_words, storage_full

FREE_SHARE, FREE_BYTES = 0.05, 2 << 30  # the lesser of the two stays free
COPIES = 2  # of what comes in: as it is received, and as it is kept


class Room:
    """`most` bytes may be kept in `folder` and be on their way to it together. Used by several threads."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._lock = Lock()
        self._coming = 0

    @property
    def coming(self) -> int:
        """Bytes on their way."""
        return self._coming

    @contextmanager
    def reserve(self, count: int) -> Iterator[None]:
        """Hold room for so many bytes; `StorageFullError` where there is none, before anything is written."""
        self.take(count)
        try:
            yield
        finally:
            self.give_back(count)

    def take(self, count: int) -> None:
        """Hold room until it is given back."""
        with self._lock:
            uploads.remove_old(self._folder)
            if uploads.kept_bytes(self._folder) + self._coming + count > self._most:
                raise StorageFullError(
                    f"Files that were sent may take {size_in_words(self._most)} together: with this it would be more",
                    hint="They are removed after a day; or raise GRADUS_UPLOAD_GIB, or name files by their path.",
                )
            existing = next(p for p in (self._folder, *self._folder.parents) if p.exists())
            disk = shutil.disk_usage(existing)
            kept_free = min(FREE_SHARE * disk.total, FREE_BYTES)
            if disk.free - COPIES * (self._coming + count) < kept_free:
                raise storage_full("what is sent", self._folder)
            self._coming += count

    def give_back(self, count: int) -> None:
        """End a hold."""
        with self._lock:
            self._coming -= count
