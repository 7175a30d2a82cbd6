"""A job's events as lines that a person reads."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gradus.core.event import Counts, Event, Finished, Metrics, Progress, SnapshotTaken, Started, Warned
from gradus.services import jobs
from gradus.services.house import House
from gradus.web.pages.words import figure

LINES = 400
_BATCH = 1000


@dataclass(frozen=True)
class Line:
    """One line: when (Unix seconds), what kind of thing, and what happened."""

    at: float
    kind: str
    text: str


def story(house: House, job_id: str, last: int = 0) -> list[Line]:
    """The newest events, oldest first; progress and counts are left out. `last` may name one of the last events."""
    after = max(0, last - _BATCH)
    lines: deque[Line] = deque(maxlen=LINES)
    while True:
        page = jobs.events(house, job_id, after=after, limit=_BATCH)
        lines.extend(Line(event.time, event.type, text) for event in page.events if (text := _words(event)))
        if page.next == after:
            return list(lines)
        after = page.next


def _words(event: Event) -> str:
    if isinstance(event, Started):
        return f"worker {event.pid} starts on {event.device}"
    if isinstance(event, Metrics):
        values = "  ".join(f"{name} {figure(value)}" for name, value in event.values.items())
        return f"epoch {event.epoch:.2f}  step {event.step}  {values}"
    if isinstance(event, SnapshotTaken):
        return f"snapshot {event.snapshot.name}"
    if isinstance(event, Warned):
        return event.message
    if isinstance(event, Finished):
        return f"ended: {event.problem.message}" if event.problem else f"ended: {event.outcome}"
    assert isinstance(event, Progress | Counts)
    return ""
