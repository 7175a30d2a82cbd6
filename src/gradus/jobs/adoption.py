"""What becomes of jobs that were at work when their server died."""

from __future__ import annotations

from gradus.core.job import Job
from gradus.core.state import JobState
from gradus.jobs.claim import is_claimed, read_task
from gradus.jobs.events import EventReader
from gradus.jobs.processes import Identity
from gradus.jobs.resources import Resources
from gradus.jobs.run import Clock, Run
from gradus.jobs.store import Store
from gradus.jobs.workers import WorkerRow

_NEVER = -1  # a start time that no process has


def adopt(store: Store, resources: Resources, job: Job, clock: Clock) -> Run:
    """Follow the worker of a job again, from where its events had been read.

    A worker is recognised by its number, its start time and the lock in the job's folder, which only it
    can hold: a process that happens to have the number is neither followed nor signalled. One that was
    asked for but of which nothing is known yet is found by the nonce in its first event.
    """
    folder = store.home.job_folder(job.id)
    row = store.workers.get(job.id) or _from_folder(store, job)
    grant = resources.restore(job.kind, job.device)
    run = Run(job.id, folder, row.nonce, grant, EventReader(folder / "events.jsonl", row.offset), clock)
    run.spoke = job.state is not JobState.STARTING
    if row.pid is not None and row.start_time is not None:
        impostor = job.state is JobState.RUNNING and not is_claimed(folder)
        run.identity = Identity(row.pid, _NEVER if impostor else row.start_time)
    return run


def _from_folder(store: Store, job: Job) -> WorkerRow:
    """What a rebuilt database does not know: the task has the nonce, and the events are read from the start."""
    task = read_task(store.home.job_folder(job.id))
    return WorkerRow(job.id, nonce=task.nonce if task else "")
