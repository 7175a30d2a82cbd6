"""The states of a job and the moves between them, as one table."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    WAITING = "waiting"  # for its turn, a resource or a dataset
    STARTING = "starting"  # handed to a worker that has not spoken yet
    RUNNING = "running"
    ABORTING = "aborting"  # asked to stop; its process group may still be alive
    DONE = "done"
    ABORTED = "aborted"
    ERROR = "error"


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.WAITING: frozenset({JobState.STARTING, JobState.ABORTED, JobState.ERROR}),
    JobState.STARTING: frozenset(
        {JobState.RUNNING, JobState.ABORTING, JobState.DONE, JobState.ERROR, JobState.WAITING}
    ),
    JobState.RUNNING: frozenset({JobState.ABORTING, JobState.DONE, JobState.ERROR}),
    JobState.ABORTING: frozenset({JobState.ABORTED, JobState.DONE, JobState.ERROR}),
    JobState.DONE: frozenset(),
    JobState.ABORTED: frozenset({JobState.WAITING}),  # resumed
    JobState.ERROR: frozenset({JobState.WAITING}),  # resumed
}

ACTIVE = frozenset({JobState.STARTING, JobState.RUNNING, JobState.ABORTING})
ENDED = frozenset({JobState.DONE, JobState.ABORTED, JobState.ERROR})


def allowed(before: JobState, after: JobState) -> bool:
    """Whether a job may go from one state to the other."""
    return after in TRANSITIONS[before]
