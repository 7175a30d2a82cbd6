"""What can be done with any job, be it the making of a dataset or of a model."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gradus.core.dataset import Group, Name
from gradus.core.errors import ConflictError, NotFoundError
from gradus.core.job import Job, JobKind, JobRecord, new_job_id
from gradus.core.state import ENDED, JobState
from gradus.core.view.job import JobCounts, JobView, LogPart
from gradus.core.view.page import EventPage, Page
from gradus.jobs.query import JobQuery
from gradus.jobs.store import IdempotencyKey
from gradus.services.house import House
from gradus.services.reading import read_events, read_log

MAX_EVENTS = 10_000


class JobChange(BaseModel):
    """What may be changed of a job at any time. What is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Name | None = Field(None, title="Name")
    group: Group | None = Field(None, title="Group Name")
    notes: Annotated[str, Field(max_length=100_000)] | None = Field(None, title="Notes")


def listing(house: House, query: JobQuery) -> Page[Job]:
    """A page of jobs."""
    return house.store.list(query)


def counts(house: House) -> JobCounts:
    """How many jobs of each kind are in each state."""
    found = house.store.counts()
    return JobCounts(datasets=found.get(JobKind.DATASET, {}), models=found.get(JobKind.MODEL, {}))


def get(house: House, job_id: str, kind: JobKind | None = None) -> Job:
    """One job; `NotFoundError` also where it is of another kind than asked for."""
    job = house.store.get(job_id)
    if kind is not None and job.kind is not kind:
        raise NotFoundError(f"there is no {kind} {job_id!r}; that is a {job.kind}")
    return job


def view(house: House, job_id: str) -> JobView:
    """A job with its course."""
    return JobView(job=get(house, job_id), history=list(house.store.history(job_id)))


def folder(house: House, job_id: str) -> Path:
    """The folder of a job that exists."""
    return house.home.job_folder(get(house, job_id).id)


def place(house: House, job: Job) -> str:
    """What a waiting job waits for and how many are before it, in words; empty for others."""
    if job.state is not JobState.WAITING:
        return ""
    before = 0
    for other in house.store.waiting():
        if other.job.id == job.id:
            break
        before += other.job.kind is job.kind
    behind = "next in the queue" if before == 0 else f"{before} before it in the queue"
    return f"{job.activity}, {behind}" if job.activity else behind


def edit(house: House, job_id: str, change: JobChange) -> Job:
    """Rename a job, or change its group or notes."""
    return house.store.edit(job_id, name=change.name, group=change.group, notes=change.notes)


def abort(house: House, job_id: str) -> Job:
    """Stop a job; what it has made so far stays. One that is being stopped already is left to it."""
    job = get(house, job_id)
    if job.state in (JobState.ABORTING, JobState.ABORTED):
        return job
    if job.state in ENDED:
        raise ConflictError(f"{job.name!r} has ended already", code="wrong_state")
    return house.scheduler.abort(job_id)


def resume(house: House, job_id: str) -> Job:
    """Queue a job again that failed or was aborted; a training goes on from its last snapshot."""
    job = get(house, job_id)
    return job if job.state is JobState.WAITING else house.store.resume(job_id)


def delete(house: House, job_id: str) -> None:
    """Remove a job with its files. Refused while it is at work, or while others need it (they are named)."""
    house.store.delete(job_id)
    house.curves.forget(job_id)


def events(house: House, job_id: str, after: int = 0, limit: int = 1000) -> EventPage:
    """What a job's worker said after the event of that number.

    The state is read before the events: a job that has ended here has said all there is.
    """
    job = get(house, job_id)
    path = house.home.job_folder(job_id) / "events.jsonl"
    found, following = read_events(path, job_id, max(after, 0), max(1, min(limit, MAX_EVENTS)), house.offsets)
    return EventPage(events=found, next=following, job=job)


def log(house: House, job_id: str, *, end: int | None = None, limit: int = 1 << 16) -> LogPart:
    """The last part of what the worker printed, or the part that ends at byte `end`."""
    return read_log(folder(house, job_id) / "worker.log", end, limit)


def submit(
    house: House,
    kind: JobKind,
    options: BaseModel,
    *,
    needs: list[str],
    key: IdempotencyKey | None,
    parent: str | None = None,
) -> Job:
    """Add a new job to the queue; with a key that was used before, the answer is the job made then.

    It starts when what it needs is done. `parent` is the dataset that it is a version of, and may vanish.
    """
    values = options.model_dump(mode="json")
    job = Job(
        id=new_job_id(),
        kind=kind,
        type=values["type"],
        name=values["name"],
        group=values.get("group", ""),
        state=JobState.WAITING,
        created=time.time(),
        dataset_id=needs[0] if needs else parent,
    )
    return house.store.create(JobRecord(job=job, options=values, history=[]), needs, key)


def idempotency_key(key: str, path: str, caller: str, body: bytes) -> IdempotencyKey:
    """A client's `Idempotency-Key`, apart for each caller and address, and the digest of what was asked."""
    name = hashlib.sha256(f"{caller}\n{path}\n{key}".encode()).hexdigest()
    return IdempotencyKey(name, hashlib.sha256(body).hexdigest())
