"""The events and the log of a job, read in parts."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path

from gradus.core.event import Event
from gradus.core.view.job import LogPart
from gradus.jobs.events import EventReader

REMEMBERED = 256
MAX_LOG = 1 << 20


class EventOffsets:
    """Where in a job's file its following reader stopped, so that a long file is not read from its start each time."""

    def __init__(self) -> None:
        self._offsets: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, job_id: str, seq: int) -> int:
        """The offset after event `seq`, or 0."""
        with self._lock:
            return self._offsets.get((job_id, seq), 0)

    def put(self, job_id: str, seq: int, offset: int) -> None:
        """Remember it."""
        with self._lock:
            self._offsets[job_id, seq] = offset
            self._offsets.move_to_end((job_id, seq))
            while len(self._offsets) > REMEMBERED:
                self._offsets.popitem(last=False)


def read_events(path: Path, job_id: str, after: int, limit: int, offsets: EventOffsets) -> tuple[list[Event], int]:
    """The events after number `after`, at most about `limit`, and the number to go on from."""
    reader = EventReader(path, offsets.get(job_id, after))
    found: list[Event] = []
    before = reader.offset
    while len(found) < limit:
        before = reader.offset
        found.extend(event for event in reader.read() if event.seq > after)
        if reader.offset == before:
            break
    if not found:
        return [], after
    cut = len(found) > limit
    found = found[:limit]
    offsets.put(job_id, found[-1].seq, before if cut else reader.offset)
    return found, found[-1].seq


def read_log(path: Path, end: int | None, limit: int) -> LogPart:
    """Whole lines of a log: the last `limit` bytes before `end` (its end, where that is None)."""
    limit = max(1, min(limit, MAX_LOG))
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            end = size if end is None else max(0, min(end, size))
            start = max(0, end - limit)
            file.seek(start)
            data = file.read(end - start)
    except FileNotFoundError:
        return LogPart(text="", start=0, end=0, size=0)
    if start and (cut := data.find(b"\n") + 1):
        data, start = data[cut:], start + cut
    return LogPart(text=data.decode(errors="replace"), start=start, end=start + len(data), size=size)
