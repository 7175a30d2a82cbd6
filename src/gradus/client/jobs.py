"""Jobs: list, follow, abort, resume, delete; datasets and models alike."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gradus.client.listing import jobs_of
from gradus.client.transport import Transport
from gradus.core.errors import UnavailableError
from gradus.core.event import Event
from gradus.core.job import Job
from gradus.core.state import ENDED
from gradus.core.view.job import JobView
from gradus.core.view.page import EventPage

PAUSE = 0.15  # seconds between two looks at a job that has nothing new to say


class Jobs:
    """`client.jobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, kind: str | None = None, state: str | None = None) -> Iterator[Job]:
        """All jobs, newest first; of one kind (`dataset`, `model`) or in one state."""
        return jobs_of(self._transport, "/jobs", {"kind": kind, "state": state})

    def get(self, job_id: str) -> JobView:
        """One job with its course."""
        return self._transport.get(f"/jobs/{job_id}", JobView)

    def rename(self, job_id: str, name: str) -> Job:
        """Give it another name."""
        return self._transport.patch(f"/jobs/{job_id}", Job, {"name": name})

    def abort(self, job_id: str) -> Job:
        """Stop it; what it has made so far stays."""
        return self._transport.post(f"/jobs/{job_id}/abort", Job)

    def resume(self, job_id: str) -> Job:
        """Go on with an aborted or failed job, from its last snapshot if it has one."""
        return self._transport.post(f"/jobs/{job_id}/resume", Job)

    def delete(self, job_id: str) -> None:
        """Remove it with its files."""
        self._transport.delete(f"/jobs/{job_id}")

    def events(self, job_id: str, *, after: int = 0) -> EventPage:
        """What it has said after the event of that number, and its present state."""
        return self._transport.get(f"/jobs/{job_id}/events", EventPage, {"after": after})

    def pages(self, job_id: str, *, after: int = 0, patience: float = 30.0) -> Iterator[EventPage]:
        """Follow a job until it has ended: a page whenever it has something new to say, none of it missing.

        A server that goes away is waited for, for `patience` seconds; then the error is raised.
        """
        silent_since: float | None = None
        ended = False
        seen: Job | None = None
        while True:
            try:
                page = self.events(job_id, after=after)
            except UnavailableError:
                now = time.monotonic()
                silent_since = silent_since or now
                if now - silent_since >= patience:
                    raise
                time.sleep(PAUSE)
                continue
            silent_since = None
            if page.events or page.job != seen:
                yield page
            elif ended:  # it had ended before this page was asked for, so nothing can follow
                return
            after, seen, ended = page.next, page.job, page.job.state in ENDED
            if not page.events and not ended:
                time.sleep(PAUSE)

    def follow(self, job_id: str, *, after: int = 0, patience: float = 30.0) -> Iterator[Event]:
        """Follow a job until it has ended: every event once, in order."""
        for page in self.pages(job_id, after=after, patience=patience):
            yield from page.events

    def wait(self, job_id: str, *, patience: float = 30.0) -> Job:
        """Return the job when it has ended, however it ended: look at its `state` and `problem`."""
        job: Job | None = None
        for page in self.pages(job_id, patience=patience):
            job = page.job
        return job or self.get(job_id).job
