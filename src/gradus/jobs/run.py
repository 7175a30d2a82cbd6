"""One job at work: its events followed, its process watched, and ended for certain when it must."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from gradus.core.errors import Problem
from gradus.core.event import Event, Finished, Progress, Started
from gradus.jobs.claim import revoke
from gradus.jobs.events import EventReader
from gradus.jobs.processes import Identity, family, is_alive, send, terminate_group
from gradus.jobs.resources import Grant
from gradus.jobs.worker_exit import explain, read_exit

ABORT_SECONDS = 5.0  # from TERM to KILL
LINGER_SECONDS = 3.0  # how long a worker may live on after its last word
YOUNG_SECONDS = 3.0
EXIT_SECONDS = 0.5  # how long to wait for `worker.exit` once the process is gone

Clock = Callable[[], float]


class Run:
    """What the scheduler knows of a job between its start and its end. Used by the scheduler's thread only."""

    def __init__(self, job_id: str, folder: Path, nonce: str, grant: Grant, reader: EventReader, clock: Clock) -> None:
        self.job_id, self.folder, self.nonce, self.grant, self.reader = job_id, folder, nonce, grant, reader
        self.identity: Identity | None = None  # until it is known who the worker is
        self.recorded = False  # the store knows who the worker is
        self.running = False  # the store knows that it runs
        self.spoke = False  # its own `Started` was read: what was read before is of an earlier start
        self.finished: Finished | None = None
        self.progress: Progress | None = None  # read, and not yet in the store
        self.flushed = -1.0  # when the store last heard
        self.flushed_offset = reader.offset
        self._clock = clock
        self._began = clock()
        self._said_something = False
        self._term_at: float | None = None
        self._finished_at: float | None = None
        self._gone_at: float | None = None
        self._known: set[Identity] = set()  # of its family, to find those that leave it

    def read(self) -> list[Event]:
        """What the worker said since the last look."""
        events: list[Event] = []
        while more := self.reader.read():
            events += more
        for event in events:
            if isinstance(event, Started) and event.nonce == self.nonce:
                self.spoke = True
                self.identity = Identity(event.pid, event.start_time)
            elif isinstance(event, Finished) and self.spoke:
                self.finished, self._finished_at = event, self._clock()
            elif isinstance(event, Progress):
                self.progress, self._said_something = event, True
        return events

    @property
    def is_young(self) -> bool:
        """Whether someone who has just started it is likely to look for its first sign of life."""
        return not self._said_something and self._clock() - self._began < YOUNG_SECONDS

    def abort(self) -> None:
        """See to it that the worker ends: TERM to its group, KILL to its whole family five seconds later."""
        if self.identity is None:
            return
        now = self._clock()
        self._known |= family(self.identity, self.nonce)
        if self._term_at is None:
            self._term_at = now
            terminate_group(self.identity)
        elif now - self._term_at > ABORT_SECONDS:
            self._kill()

    def over(self) -> bool:
        """Whether the worker and all its family are gone and all it said was read. Call `read` after a True."""
        if self.identity is None:
            return revoke(self.folder)  # nobody holds the job; a worker on its way will find it taken away
        if is_alive(self.identity):
            if self._finished_at is not None and self._clock() - self._finished_at > LINGER_SECONDS:
                self._kill()
            return False
        self._known |= family(self.identity, self.nonce)
        self._kill()
        if any(is_alive(member) for member in self._known):
            return False
        if self.finished is not None or read_exit(self.folder, self.identity.pid) is not None:
            return True
        now = self._clock()
        self._gone_at = self._gone_at if self._gone_at is not None else now
        return now - self._gone_at > EXIT_SECONDS

    def why(self) -> Problem:
        """What to tell of a worker that left no last word."""
        ended = read_exit(self.folder, self.identity.pid) if self.identity else None
        return explain(self.folder, ended)

    def _kill(self) -> None:
        if self.identity is not None:
            self._known |= family(self.identity, self.nonce)
        for member in self._known:
            send(member, signal.SIGKILL)
