"""The record of all jobs: what was asked for, in which state each is, and how it came there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gradus.core.errors import ConflictError, NotFoundError, Problem
from gradus.core.job import Job, JobKind, JobRecord, Transition
from gradus.core.state import ACTIVE, JobState
from gradus.core.view.page import Page
from gradus.data.files import write_json
from gradus.jobs import listing, tables
from gradus.jobs.access import Access
from gradus.jobs.home import Home
from gradus.jobs.moves import Move, move
from gradus.jobs.query import JobQuery
from gradus.jobs.rebuild import open_database
from gradus.jobs.workers import WorkerRow, Workers, put_worker

KEY_SECONDS = 24 * 3600  # how long an idempotency key is kept

log = logging.getLogger(__name__)
Watcher = Callable[[str, Job | None], None]


class IdempotencyKey(NamedTuple):
    """A client's name for one request, and the SHA-256 of what was requested."""

    key: str
    digest: str


class Store:
    """All jobs of a home. Synchronous; any thread may call it.

    What a method has returned from is on the disk. Errors are `NotFoundError`, `ConflictError`,
    `StorageFullError` and `UnavailableError` (the database is locked). `access` has the tokens and
    sessions, `workers` the processes at work.
    """

    def __init__(self, home: Home, url: str | None = None) -> None:
        home.prepare()
        self.home = home
        self.database = open_database(home, url)
        self.access = Access(self.database)
        self.workers = Workers(self.database)
        self._watchers: list[Watcher] = []
        self._mirroring = threading.Lock()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher(id, job)` after every change, with None for a deleted job; returns how to stop it.

        It is called in the thread that made the change and must return at once.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def get(self, job_id: str) -> Job:
        """One job."""
        with self.database.read() as connection:
            return listing.to_job(listing.row(connection, job_id))

    def record(self, job_id: str) -> JobRecord:
        """One job with its options and history."""
        with self.database.read() as connection:
            return listing.record(connection, job_id)

    def list(self, query: JobQuery) -> Page[Job]:
        """A page of jobs."""
        with self.database.read() as connection:
            return listing.page(connection, query)

    def counts(self) -> dict[JobKind, dict[JobState, int]]:
        """How many jobs of each kind are in each state; states without jobs are left out."""
        with self.database.read() as connection:
            return listing.counts(connection)

    def groups(self, kind: JobKind | None = None) -> dict[str, int]:
        """The groups and how many jobs each has, by name; jobs without a group are under ""."""
        with self.database.read() as connection:
            return listing.groups(connection, kind)

    def history(self, job_id: str) -> Sequence[Transition]:
        """Every change of state, the oldest first."""
        with self.database.read() as connection:
            listing.row(connection, job_id)
            return listing.history(connection, job_id)

    def needed_by(self, job_id: str) -> Sequence[Job]:
        """What must be done before this job can start."""
        with self.database.read() as connection:
            return listing.needed_by(connection, job_id)

    def users_of(self, job_id: str) -> Sequence[Job]:
        """The jobs that need this one: the models of a dataset."""
        with self.database.read() as connection:
            return listing.users_of(connection, job_id)

    def in_states(self, states: Collection[JobState]) -> Sequence[Job]:
        """All jobs in these states, in order of submission."""
        with self.database.read() as connection:
            return listing.in_states(connection, states)

    def waiting(self) -> Sequence[listing.Waiting]:
        """The queue, in order of submission."""
        with self.database.read() as connection:
            return listing.waiting(connection)

    def resumed(self, job_id: str) -> bool:
        """Whether the job was started before and shall go on where it stopped."""
        with self.database.read() as connection:
            return bool(listing.row(connection, job_id).resumed)

    def create(self, record: JobRecord, needs: Sequence[str] = (), key: IdempotencyKey | None = None) -> Job:
        """Add a waiting job that starts after all it needs is done.

        With a key that was used for the same request before, the answer is the job made then; used for
        another request, it is a `ConflictError`.
        """
        if record.job.state is not JobState.WAITING:
            raise ConflictError(f"a new job is waiting, not {record.job.state}")
        started = [Transition(at=record.job.created, before=None, after=JobState.WAITING)]
        record = record.model_copy(update={"history": started})
        folder = self.home.job_folder(record.job.id)
        folder.mkdir(parents=True)
        try:
            write_json(folder / "job.json", record)
            made = self._insert(record, needs, key)
        except BaseException:
            self.home.discard(record.job.id)
            raise
        if made is not None:
            self.home.discard(record.job.id)
            return made
        self._tell(record.job.id, record.job)
        return record.job

    def transition(
        self,
        job_id: str,
        before: JobState | Collection[JobState],
        after: JobState,
        *,
        note: str = "",
        problem: Problem | None = None,
        device: str | None = None,
        lease: int | None = None,
        worker: WorkerRow | None = None,
    ) -> Job:
        """Change the state of a job that is in `before`; `ConflictError` if it is not, or may not.

        `lease` is the scheduler's: with an outdated one nothing is changed. `worker` is remembered with it.
        """
        states = {before} if isinstance(before, JobState) else set(before)
        with self.database.write() as connection:
            move(connection, Move(job_id, states, after, note, problem, device, lease))
            if worker is not None:
                put_worker(connection, worker)
        if after is JobState.STARTING:  # for an instant only: its `job.json` is renewed when it runs
            job = self.get(job_id)
            self._tell(job_id, job)
            return job
        return self._changed(job_id)

    def resume(self, job_id: str) -> Job:
        """Queue a job again that failed or was aborted."""
        return self.transition(job_id, {JobState.ERROR, JobState.ABORTED}, JobState.WAITING, note="resumed")

    def edit(self, job_id: str, *, name: str | None = None, group: str | None = None, notes: str | None = None) -> Job:
        """Change what a user may change at any time; None leaves it as it is."""
        given = {"name": name, "group_name": group, "notes": notes}
        values = {column: value for column, value in given.items() if value is not None}
        with self.database.write() as connection:
            listing.row(connection, job_id)
            if values:
                connection.execute(tables.jobs.update().where(tables.jobs.c.id == job_id).values(**values))
        return self._changed(job_id)

    def set_progress(self, job_id: str, progress: float | None, activity: str, *, offset: int | None = None) -> Job:
        """Say how far a job is (None: as before), and how far its events have been read. Not in the history."""
        values: dict[str, float | str] = {"activity": activity}
        if progress is not None:
            values["progress"] = min(max(progress, 0.0), 1.0)
        with self.database.write() as connection:
            listing.row(connection, job_id)
            connection.execute(tables.jobs.update().where(tables.jobs.c.id == job_id).values(**values))
            if offset is not None:
                workers = tables.workers
                connection.execute(workers.update().where(workers.c.job_id == job_id).values(offset=offset))
        job = self.get(job_id)
        self._tell(job_id, job)
        return job

    def delete(self, job_id: str) -> None:
        """Remove a job that is not at work and that no other needs, with its folder."""
        with self.database.write() as connection:
            job = listing.to_job(listing.row(connection, job_id))
            if job.state in ACTIVE:
                raise ConflictError(f"{job.name!r} is {job.state}", hint="abort it first", code="job_active")
            if users := listing.users_of(connection, job_id):
                names = ", ".join(repr(user.name) for user in users[:10]) + (" and others" if len(users) > 10 else "")
                raise ConflictError(f"{job.name!r} is used by {names}", hint="delete these first", code="in_use")
            connection.execute(tables.trash.insert().values(job_id=job_id))
            connection.execute(tables.jobs.delete().where(tables.jobs.c.id == job_id))
        self._tell(job_id, None)
        self._discard(job_id)

    def empty_trash(self) -> None:
        """Remove the folders of deleted jobs that a crash has left."""
        with self.database.read() as connection:
            left = connection.execute(sa.select(tables.trash.c.job_id)).scalars().all()
        for job_id in left:
            self._discard(job_id)

    def _insert(self, record: JobRecord, needs: Sequence[str], key: IdempotencyKey | None) -> Job | None:
        try:
            with self.database.write() as connection:
                if key and (made := _made_with(connection, key)):
                    return made
                listing.insert(connection, record, needs)
                if key:
                    values = {**key._asdict(), "job_id": record.job.id, "created": time.time()}
                    connection.execute(tables.idempotency.insert().values(values))
        except IntegrityError as error:
            raise NotFoundError("what the job needs is not there", field="dataset") from error
        return None

    def _discard(self, job_id: str) -> None:
        self.home.discard(job_id)
        with self.database.write() as connection:
            connection.execute(tables.trash.delete().where(tables.trash.c.job_id == job_id))

    def _changed(self, job_id: str) -> Job:
        """Renew `job.json` and tell the watchers. The database is the truth: a full disk here loses nothing."""
        with self._mirroring:
            record = self.record(job_id)
            try:
                write_json(self.home.job_folder(job_id) / "job.json", record)
            except OSError as error:
                log.warning("job.json of %s could not be renewed: %s", job_id, error)
        self._tell(job_id, record.job)
        return record.job

    def _tell(self, job_id: str, job: Job | None) -> None:
        for watcher in tuple(self._watchers):
            watcher(job_id, job)


def _made_with(connection: sa.Connection, key: IdempotencyKey) -> Job | None:
    table = tables.idempotency
    connection.execute(table.delete().where(table.c.created < time.time() - KEY_SECONDS))
    row = connection.execute(sa.select(table).where(table.c.key == key.key)).one_or_none()
    if row is None:
        return None
    if row.digest != key.digest:
        raise ConflictError("this Idempotency-Key was used for another request", code="key_reused")
    return listing.to_job(listing.row(connection, row.job_id))
