"""The file in which a worker tells what it does: appended by one process, followed by any."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from gradus.core.event import EVENT, Event, Finished, Progress, SnapshotTaken, Started
from gradus.data.files import writing

SYNC_SECONDS = 2.0  # after a power cut at most this much of the file is missing
PROGRESS_SECONDS = 0.25
_CHUNK = 1 << 20
_URGENT = (Started, SnapshotTaken, Finished)


class EventWriter:
    """Appends events, numbered on from those already in the file. Any thread may write.

    Progress that follows another within a quarter of a second waits, and the newest of them is written
    with whatever comes next; all other events are written at once. The disk is synced by a thread of
    its own, so that a training loop does not wait for it, and at once for snapshots and the end.
    """

    def __init__(self, path: Path, sync_seconds: float = SYNC_SECONDS) -> None:
        self._number = _repair(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._path = path
        self._held: Progress | None = None
        self._progress_at = -math.inf
        self._lock = threading.Lock()
        self._unsynced = False
        self._broken: OSError | None = None
        self._closed = threading.Event()
        self._syncer = threading.Thread(target=self._sync_now_and_then, args=(sync_seconds,), daemon=True)
        self._syncer.start()

    def write(self, event: Event) -> None:
        """Append one event. Raises `StorageFullError` on a full disk and leaves no half line.

        After a disk that failed to sync it raises that `OSError`: nothing more can be relied on.
        """
        with self._lock:
            if self._broken is not None:
                raise self._broken
            if isinstance(event, Progress) and time.monotonic() - self._progress_at < PROGRESS_SECONDS:
                self._held = event
                return
            if isinstance(event, Progress):
                self._progress_at = time.monotonic()
                self._held = None
            elif self._held is not None:
                self._append(self._held)
                self._held = None
            self._append(event)
            if isinstance(event, _URGENT):
                self._sync()

    def close(self) -> None:
        """Write what was held back and sync; then the file is complete."""
        self._closed.set()
        self._syncer.join()
        with self._lock:
            if self._held is not None:
                self._append(self._held)
                self._held = None
            self._sync()
            os.close(self._file)

    def _append(self, event: Event) -> None:
        numbered = event.model_copy(update={"seq": self._number + 1, "time": time.time()})
        line = numbered.model_dump_json().encode() + b"\n"
        size = os.fstat(self._file).st_size
        with writing(self._path.name, self._path.parent):
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError:
                os.ftruncate(self._file, size)
                raise
        self._number += 1
        self._unsynced = True

    def _sync(self) -> None:
        if self._unsynced:
            with writing(self._path.name, self._path.parent):
                os.fsync(self._file)
            self._unsynced = False

    def _sync_now_and_then(self, seconds: float) -> None:
        while not self._closed.wait(seconds):
            if self._unsynced:
                self._unsynced = False
                try:
                    os.fsync(self._file)
                except OSError as error:  # what was written may be lost, and a second fsync would not tell
                    self._broken = error
                    return


class EventReader:
    """Reads on from `offset`, complete lines only: what a writer is about to write is left for later.

    Lines that are no events are passed over, and their beginnings collected in `garbled`.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self.offset = offset
        self.garbled: list[str] = []

    def read(self) -> list[Event]:
        """The events that were added since, up to about a megabyte of them; call again until none come."""
        events: list[Event] = []
        for line in self._lines():
            try:
                events.append(EVENT.validate_json(line))
            except ValidationError:
                self.garbled.append(line[:200].decode(errors="replace"))
        return events

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(_CHUNK)
                while data and b"\n" not in data and (more := file.read(_CHUNK)):
                    data += more
        except FileNotFoundError:
            return
        end = data.rfind(b"\n") + 1
        self.offset += end
        yield from data[:end].split(b"\n")[:-1]


def end_of_lines(path: Path) -> int:
    """The offset after the last complete line: where a reader of what comes next starts."""
    end, size = 0, path.stat().st_size if path.exists() else 0
    for start, data in _backwards(path, size):
        if (found := data.rfind(b"\n")) >= 0:
            end = start + found + 1
            break
    return end


def _repair(path: Path) -> int:
    """End a last line that was cut off by a crash, or remove it; return the highest number in the file."""
    size = path.stat().st_size if path.exists() else 0
    end = end_of_lines(path)
    if end < size:
        with path.open("r+b") as file:
            file.seek(end)
            if _number(file.read()) is None:
                file.truncate(end)
            else:
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
    for _, data in _backwards(path, path.stat().st_size if path.exists() else 0):
        for line in reversed(data.split(b"\n")):
            if (number := _number(line)) is not None:
                return number
    return 0


def _backwards(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Ever longer ends of a file, each with the offset where it starts, until it is the whole file."""
    length = 1 << 16
    while size:
        start = max(0, size - length)
        with path.open("rb") as file:
            file.seek(start)
            yield start, file.read(size - start)
        if not start:
            return
        length *= 4


def _number(line: bytes) -> int | None:
    try:
        return EVENT.validate_json(line).seq
    except ValidationError:
        return None
