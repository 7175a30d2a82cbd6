"""A lost or damaged database made anew from what lies in the jobs' folders."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from gradus.core.job import JOB_ID, JobKind, JobRecord, Transition
from gradus.core.state import JobState
from gradus.jobs import listing
from gradus.jobs.claim import is_claimed
from gradus.jobs.database import Database, sqlite_url
from gradus.jobs.home import Home
from gradus.jobs.migrate import prepare

log = logging.getLogger(__name__)


def open_database(home: Home, url: str | None = None) -> Database:
    """The database of a home, with its schema up to date.

    An SQLite file that is missing although there are jobs, or that is damaged, is made anew; the damaged
    one is kept beside it. Tokens and sessions are then lost, jobs are not.
    """
    if url:
        database = Database(sa.make_url(url))
        prepare(database)
        return database
    existed = home.database.exists()
    database = Database(sqlite_url(home.database))
    if existed and not database.healthy():
        database.close()
        kept = _set_aside(home.database)
        log.warning("the database is damaged: it is kept as %s and made anew from the jobs' folders", kept.name)
        database, existed = Database(sqlite_url(home.database)), False
    prepare(database)
    if not existed:
        rebuild(home, database)
    return database


def rebuild(home: Home, database: Database) -> int:
    """Add every job whose `job.json` can be read, in the order of their making; return how many."""
    waiting = {record.job.id: record for record in sorted(_records(home), key=lambda r: (r.job.created, r.job.id))}
    known = frozenset(waiting)
    added = 0
    while waiting:
        record = waiting.pop(next(iter(waiting)))
        dataset_id = record.job.dataset_id if record.job.kind is JobKind.MODEL else None  # versions need no parent
        if dataset_id in waiting:  # the clock was set back between the two: the dataset goes first
            waiting = {dataset_id: waiting[dataset_id], record.job.id: record} | waiting
            continue
        with database.write() as connection:
            listing.insert(connection, record, [dataset_id] if dataset_id in known else [])
        added += 1
    if added:
        log.warning("%d jobs were taken over from their folders", added)
    return added


def _records(home: Home) -> list[JobRecord]:
    found = []
    for folder in home.jobs.iterdir():
        if not JOB_ID.fullmatch(folder.name):
            continue
        try:
            record = JobRecord.model_validate_json((folder / "job.json").read_bytes())
        except (OSError, ValidationError) as error:
            log.warning("the job %s is left out: its job.json cannot be read (%s)", folder.name, type(error).__name__)
            continue
        if record.job.id == folder.name:
            found.append(_at_work(record) if is_claimed(folder) else record)
    return found


def _at_work(record: JobRecord) -> JobRecord:
    """The record of a job whose worker lives, where it was written just before that was known."""
    if record.job.state is not JobState.WAITING:
        return record
    now, note = time.time(), "found at work"
    steps = ((JobState.WAITING, JobState.STARTING), (JobState.STARTING, JobState.RUNNING))
    history = [Transition(at=now, before=before, after=after, note=note) for before, after in steps]
    job = record.job.model_copy(update={"state": JobState.RUNNING, "started": now})
    return record.model_copy(update={"job": job, "history": [*record.history, *history]})


def _set_aside(path: Path) -> Path:
    target = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.rename(target)
    for ending in ("-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(target.with_name(target.name + ending))
    return target
