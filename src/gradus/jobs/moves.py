"""Changes of a job's state: legal by the table in `core.state`, or not at all."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa

from gradus.core.errors import ConflictError, Problem
from gradus.core.state import ACTIVE, ENDED, JobState, allowed
from gradus.jobs import listing, tables

_VERBS = {JobState.WAITING: "be resumed", JobState.STARTING: "be started", JobState.ABORTING: "be aborted"}


class Move(NamedTuple):
    """A change that is asked for: from one of the states `before` to `after`.

    `note` is kept in the history, `problem` with the job. With `lease` it is refused once another
    scheduler has taken over.
    """

    job_id: str
    before: Collection[JobState]
    after: JobState
    note: str = ""
    problem: Problem | None = None
    device: str | None = None
    lease: int | None = None


def move(connection: sa.Connection, asked: Move) -> None:
    """Change the state and write the history in the transaction given; raise `ConflictError` if it cannot be.

    A job that is no longer at work has no worker any more.
    """
    row = listing.row(connection, asked.job_id)
    state = JobState(row.state)
    if state not in asked.before or not allowed(state, asked.after):
        cannot = _VERBS.get(asked.after, f"become {asked.after}")
        raise ConflictError(f"{row.name!r} is {state} and cannot {cannot}", code="wrong_state")
    now = time.time()
    jobs = tables.jobs
    conditions = [jobs.c.id == asked.job_id, jobs.c.state == state.value]
    if asked.lease is not None:
        leases = tables.leases
        held = sa.select(leases.c.token).where(leases.c.name == "scheduler").scalar_subquery()
        conditions.append(held == asked.lease)
    changed = connection.execute(jobs.update().where(*conditions).values(**_columns(asked, state, now)))
    if changed.rowcount != 1:
        raise ConflictError("another scheduler has taken over this home", code="lease_lost")
    if asked.after not in ACTIVE:
        connection.execute(tables.workers.delete().where(tables.workers.c.job_id == asked.job_id))
    connection.execute(
        tables.transitions.insert().values(
            job_id=asked.job_id, at=now, before=state.value, after=asked.after.value, note=asked.note
        )
    )


def _columns(asked: Move, before: JobState, now: float) -> dict[str, Any]:
    values: dict[str, Any] = {"state": asked.after.value}
    if asked.device is not None:
        values["device"] = asked.device
    if asked.after is JobState.WAITING:
        values |= {"started": None, "finished": None, "problem": None, "activity": "", "device": ""}
        if before in ENDED:
            values["resumed"] = True
    if asked.after is JobState.STARTING:
        values |= {"started": now, "activity": "starting"}
    if asked.after in ENDED:
        values |= {"finished": now, "activity": ""}
    if asked.after is JobState.DONE:
        values["progress"] = 1.0
    if asked.problem is not None:
        values["problem"] = asked.problem.model_dump_json()
    return values
