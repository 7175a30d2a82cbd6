"""The last changes of a job's state, told from what its worker said and how it went."""

from __future__ import annotations

from gradus.core.errors import Problem
from gradus.core.event import Finished
from gradus.core.state import ACTIVE, JobState
from gradus.jobs.run import Run
from gradus.jobs.store import Store


def mark_running(store: Store, job_id: str, lease: int) -> None:
    """Note that the worker has spoken, if that is news."""
    if store.get(job_id).state is JobState.STARTING:
        store.transition(job_id, JobState.STARTING, JobState.RUNNING, lease=lease)


def end(store: Store, run: Run, lease: int) -> None:
    """Bring a job whose worker is gone to its end."""
    state = store.get(run.job_id).state
    if state not in ACTIVE:
        return  # an earlier call came so far and was cut off
    if state is JobState.STARTING and run.identity is None:
        store.transition(run.job_id, state, JobState.WAITING, note="its worker never came", lease=lease)
    else:
        after, problem, note = _outcome(run, state)
        if after is JobState.ABORTED and state is not JobState.ABORTING:
            state = store.transition(run.job_id, state, JobState.ABORTING, note=note, lease=lease).state
        store.transition(run.job_id, state, after, note=note, problem=problem, lease=lease)


def _outcome(run: Run, state: JobState) -> tuple[JobState, Problem | None, str]:
    finished: Finished | None = run.finished
    if finished is None and state is JobState.ABORTING:
        return JobState.ABORTED, None, "its processes are gone"
    if finished is None:
        problem = run.why()
        return JobState.ERROR, problem, problem.message
    if finished.outcome == "error":
        problem = finished.problem or run.why()
        return JobState.ERROR, problem, problem.message
    if finished.outcome == "aborted":
        return JobState.ABORTED, None, "stopped" if state is JobState.ABORTING else "its worker was told to stop"
    return JobState.DONE, None, ""
