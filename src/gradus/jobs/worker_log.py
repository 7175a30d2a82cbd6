"""The log of a worker: all that it and what it starts prints, kept within bounds."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path

LIMIT = 64 << 20  # bytes; then the log becomes `worker.log.1` and starts anew
_LOOK_SECONDS = 0.5


class LogKeeper:
    """Sends stdout and stderr of this process to a file, and cuts the file when it grows too long.

    It is cut in place and not renamed, so that programs that the worker started and that have the file
    open stay within the bound too.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path, self._limit = path, limit
        sys.stdout.flush()
        sys.stderr.flush()
        log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        os.close(log)
        os.close(nothing)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Flush; the streams stay where they are."""
        self._closed.set()
        self._thread.join()
        with contextlib.suppress(OSError):  # on a full disk the log ends early
            sys.stdout.flush()
            sys.stderr.flush()

    def cut(self) -> None:
        """Move the content aside if it is beyond the limit; the older half of it is let go."""
        size = os.fstat(1).st_size
        if size <= self._limit:
            return
        with self._path.open("rb") as source, self._path.with_name(f"{self._path.name}.1").open("wb") as target:
            offset = size - self._limit
            while copied := os.sendfile(target.fileno(), source.fileno(), offset, size - offset):
                offset += copied
        os.ftruncate(1, 0)

    def _keep(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            with contextlib.suppress(OSError):  # no room for what is moved aside: looked at again
                self.cut()
