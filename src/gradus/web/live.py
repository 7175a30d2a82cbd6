"""Live events: what jobs and devices do, to every page that is open.

    GET /events?topics=job:<id>,jobs,devices[&after=<seq>]

`job:<id>` brings everything of one job, `jobs` the state and progress of all. Metric points of a job are
gathered for a quarter of a second. A client that comes back with `Last-Event-ID` is given what it missed
from the job's file; where that cannot be done it is told to fetch everything again (`reset`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response

from gradus.core.errors import GradusError, InputError, UnavailableError
from gradus.core.event import Counts, Event, Metrics, Progress, SnapshotTaken, Started, Warned
from gradus.core.job import JOB_ID, Job
from gradus.core.state import ENDED, JobState
from gradus.jobs.hub import Message as Heard
from gradus.services import devices, jobs
from gradus.services.auth import Caller
from gradus.services.house import House
from gradus.web.live_events import (
    CountsData,
    Deleted,
    DevicesData,
    LogData,
    MetricData,
    MetricPoint,
    ProgressData,
    SnapshotData,
    StatusData,
    WarningData,
)
from gradus.web.live_log import LogTail
from gradus.web.stream import RESET, Client, EventStream, Message, message, parse_cursor

GATHER_SECONDS = 0.25
DEVICES_SECONDS = 2.0
LOG_SECONDS = 1.0
REPLAY = 5000  # events; who missed more fetches everything again
MAX_TOPICS = 20

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)


class Live:
    """Takes what the scheduler says, in its thread, and fans it out in the event loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._clients: set[Client] = set()
        self._jobs: dict[str, Job] = {}
        self._points: dict[str, list[MetricPoint]] = {}
        self._seqs: dict[str, int] = {}
        self._progress: dict[str, ProgressData] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._flushed: dict[str, float] = {}  # when, by the loop's clock
        self._logs: dict[str, LogTail] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] | None = None
        self._closed = False

    @property
    def clients(self) -> int:
        """How many streams are held."""
        return len(self._clients)

    def start(self) -> None:
        """Listen to the house; called in the event loop."""
        loop = asyncio.get_running_loop()

        def hear(job_id: str, heard: Heard) -> None:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._take, job_id, heard)

        self._unsubscribe = self._house.subscribe(hear)
        self._tasks = [
            asyncio.create_task(self._every(DEVICES_SECONDS, self._look_at_devices)),
            asyncio.create_task(self._every(LOG_SECONDS, self._look_at_logs)),
        ]

    def close(self) -> None:
        """End all streams; called in the event loop. Harmless when repeated."""
        self._closed = True
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for task in self._tasks:
            task.cancel()
        for timer in self._timers.values():
            timer.cancel()
        for client in tuple(self._clients):
            client.close()

    async def join(self, topics: frozenset[str], owner: str, places: dict[str, int] | None, again: bool) -> Client:
        """A new client. `places` are the events it has seen, None where it does not know; `again` if it comes back."""
        self._check_room(owner)
        client = Client(topics, owner)
        self._clients.add(client)  # from now on nothing is missed; what the replay has too is sorted out by number
        try:
            for topic in topics:
                if topic.startswith("job:"):
                    await self._replay(client, topic[4:], None if places is None else places.get(topic[4:]), again)
            if "devices" in topics:
                client.put(await run_sync(self._devices))
            if "jobs" in topics and again:
                client.put(RESET)
        except BaseException:
            self.leave(client)
            raise
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)

    def _check_room(self, owner: str) -> None:
        settings = self._house.settings
        own = sum(client.owner == owner for client in self._clients)
        if self._closed or len(self._clients) >= settings.live_clients or own >= settings.live_clients_each:
            raise UnavailableError("too many pages listen already", hint="close some, or reload later")

    async def _replay(self, client: Client, job_id: str, place: int | None, again: bool) -> None:
        job = await run_sync(jobs.get, self._house, job_id)
        client.seen[job_id] = place or 0
        if place is None:
            client.seen[job_id] = await run_sync(self._last_seq, job_id)
            if again:
                client.put(RESET)
        else:
            page = await run_sync(jobs.events, self._house, job_id, max(place - 1, 0), REPLAY)
            known = place == 0 or (page.events and page.events[0].seq == place)
            missed = [event for event in page.events if event.seq > place]
            if not known or len(page.events) >= REPLAY:
                client.seen[job_id] = await run_sync(self._last_seq, job_id)
                client.put(RESET)
            else:
                self._put_missed(client, job_id, missed)
        client.put(_status(job))

    def _put_missed(self, client: Client, job_id: str, missed: list[Event]) -> None:
        points = [_point(event) for event in missed if isinstance(event, Metrics)]
        for event in missed:
            if not isinstance(event, Metrics | Progress) and (found := _translated(job_id, event)):
                client.put(Message(found.frame, key=found.key))
        if points:
            client.put(message("metric", MetricData(id=job_id, points=points)))
        if missed:
            client.seen[job_id] = missed[-1].seq

    def _last_seq(self, job_id: str) -> int:
        curves = self._house.curves.of(job_id, self._house.home.job_folder(job_id))
        return curves.seq

    def _take(self, job_id: str, heard: Heard) -> None:
        if heard is None:
            self._forget(job_id)
            self._send(message("deleted", Deleted(id=job_id)), f"job:{job_id}", "jobs")
        elif isinstance(heard, Job):
            before = self._jobs.get(job_id)
            if _differs(before, heard):
                self._flush(job_id)
                self._send(_status(heard), f"job:{job_id}", "jobs")
            self._jobs[job_id] = heard
            if heard.state in ENDED:
                self._forget(job_id)
        else:
            self._hear_event(job_id, heard)

    def _hear_event(self, job_id: str, event: Event) -> None:
        found = _translated(job_id, event)
        if found:
            self._flush(job_id)  # before this event counts as told: what is sent now bears the number of an earlier one
        self._seqs[job_id] = event.seq
        if isinstance(event, Metrics):
            if any(f"job:{job_id}" in client.topics for client in self._clients):
                self._points.setdefault(job_id, []).append(_point(event))
                self._flush_soon(job_id)
        elif isinstance(event, Progress):
            self._progress[job_id] = ProgressData(
                id=job_id, fraction=event.fraction, activity=event.activity, rate=event.rate
            )
            self._flush_soon(job_id)
        elif found:
            self._send(found, f"job:{job_id}")

    def _flush_soon(self, job_id: str) -> None:
        """Send what was gathered: at once, or a quarter of a second after the last time."""
        if job_id not in self._timers:
            loop = asyncio.get_running_loop()
            due = self._flushed.get(job_id, -math.inf) + GATHER_SECONDS
            self._timers[job_id] = loop.call_at(max(due, loop.time()), self._flush, job_id)

    def _flush(self, job_id: str) -> None:
        """Send what was gathered of a job: the newest progress, and all points."""
        if timer := self._timers.pop(job_id, None):
            timer.cancel()
            self._flushed[job_id] = asyncio.get_running_loop().time()
        seq = self._seqs.get(job_id, 0)
        if points := self._points.pop(job_id, None):
            self._send(message("metric", MetricData(id=job_id, points=points), job_id=job_id, seq=seq), f"job:{job_id}")
        if progress := self._progress.pop(job_id, None):
            self._send(message("progress", progress, key=f"progress {job_id}"), f"job:{job_id}", "jobs")

    async def _look_at_devices(self) -> None:
        if any("devices" in client.topics for client in self._clients):
            self._send(await run_sync(self._devices), "devices")

    async def _look_at_logs(self) -> None:
        followed = {topic[4:] for client in self._clients for topic in client.topics if topic.startswith("job:")}
        self._logs = {job_id: tail for job_id, tail in self._logs.items() if job_id in followed}
        for job_id in followed:
            tail = self._logs.setdefault(job_id, LogTail(self._house.home.job_folder(job_id) / "worker.log"))
            if text := await run_sync(tail.read):
                self._send(message("log", LogData(id=job_id, text=text)), f"job:{job_id}")

    def _devices(self) -> Message:
        data = DevicesData(devices=devices.devices(self._house), machine=devices.machine(self._house))
        return message("devices", data, key="devices")

    def _send(self, event: Message, *topics: str) -> None:
        for client in tuple(self._clients):
            if not client.topics.isdisjoint(topics):
                client.put(event)

    def _forget(self, job_id: str) -> None:
        if timer := self._timers.pop(job_id, None):
            timer.cancel()
        for kept in (self._jobs, self._points, self._progress, self._seqs, self._flushed):
            kept.pop(job_id, None)

    async def _every(self, seconds: float, work: Callable[[], object]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                result = work()
                if asyncio.iscoroutine(result):
                    await result
            except (GradusError, OSError) as error:  # such as a database that is locked: the next look may do better
                log.warning("live events: %s", error)


@router.get("/events")
async def events(
    request: Request,
    topics: Annotated[str, Query(max_length=2000)] = "jobs",
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The stream."""
    live: Live = request.app.state.live
    caller: Caller = request.state.caller
    asked = _topics(topics)
    places: dict[str, int] | None = None
    if last_event_id is not None:
        places = parse_cursor(last_event_id)
    elif after is not None:
        places = {topic[4:]: after for topic in asked if topic.startswith("job:")}
    owner = caller.digest or (request.client.host if request.client else "local")
    client = await live.join(asked, owner, places, last_event_id is not None)
    return EventStream(client, live.leave)


def _topics(text: str) -> frozenset[str]:
    asked = frozenset(part.strip() for part in text.split(",") if part.strip())
    for topic in asked:
        if topic not in ("jobs", "devices") and not (topic.startswith("job:") and JOB_ID.fullmatch(topic[4:])):
            raise InputError(
                f"there is no topic {topic[:60]!r}", field="topics", hint="there are job:<id>, jobs and devices"
            )
    if not 1 <= len(asked) <= MAX_TOPICS:
        raise InputError(f"must name 1 to {MAX_TOPICS} topics", field="topics")
    return asked


def _status(job: Job) -> Message:
    return message("status", StatusData(id=job.id, job=job), key=f"status {job.id}")


def _point(event: Metrics) -> MetricPoint:
    return MetricPoint(step=event.step, epoch=event.epoch, values=event.values, time=event.time)


def _translated(job_id: str, event: Event) -> Message | None:
    """The message that an event becomes by itself."""
    if isinstance(event, SnapshotTaken):
        return message("snapshot", SnapshotData(id=job_id, snapshot=event.snapshot), job_id=job_id, seq=event.seq)
    if isinstance(event, Counts):
        data = CountsData(id=job_id, split=event.split, labels=event.labels, counts=event.counts)
        return message("counts", data, job_id=job_id, seq=event.seq, key=f"counts {job_id} {event.split}")
    if isinstance(event, Warned):
        return message("warning", WarningData(id=job_id, message=event.message), job_id=job_id, seq=event.seq)
    if isinstance(event, Started) and event.seq > 1:  # it goes on from a snapshot and repeats what came after that
        return RESET
    return None


def _differs(before: Job | None, after: Job) -> bool:
    """Whether more has changed than what `progress` tells."""
    if before is None:
        return True
    if after.state is JobState.WAITING and before.activity != after.activity:
        return True
    unchanged = {"progress": after.progress, "activity": after.activity}
    return before.model_copy(update=unchanged) != after
