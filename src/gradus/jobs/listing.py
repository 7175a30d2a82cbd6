"""The questions asked of the jobs tables. Each function works in the transaction it is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from gradus.core.errors import NotFoundError, Problem
from gradus.core.job import Job, JobKind, JobRecord, Transition
from gradus.core.state import ENDED, JobState
from gradus.core.view.page import Page
from gradus.jobs import tables
from gradus.jobs.query import MAX_LIMIT, JobQuery, read_cursor, write_cursor

jobs = tables.jobs


class Waiting(NamedTuple):
    """A job in the queue: the device asked for ("auto" as a rule) and what must be done before it."""

    job: Job
    wish: str
    needs: Sequence[Job]


def to_job(row: sa.Row[Any]) -> Job:
    """The job of a row of the jobs table."""
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        type=row.type,
        name=row.name,
        state=JobState(row.state),
        group=row.group_name,
        notes=row.notes,
        created=row.created,
        started=row.started,
        finished=row.finished,
        progress=row.progress,
        activity=row.activity,
        dataset_id=row.dataset_id,
        device=row.device,
        problem=Problem.model_validate_json(row.problem) if row.problem else None,
    )


def row(connection: sa.Connection, job_id: str) -> sa.Row[Any]:
    """The row of one job."""
    found = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if found is None:
        raise NotFoundError(f"there is no job {job_id!r}")
    return found


def page(connection: sa.Connection, query: JobQuery) -> Page[Job]:
    """One page of a list, by keyset: as fast at the end of a long list as at its beginning."""
    conditions = _conditions(query)
    total = connection.execute(sa.select(sa.func.count()).select_from(jobs).where(*conditions)).scalar_one()
    column = {"created": None, "name": jobs.c.name, "state": jobs.c.state, "group": jobs.c.group_name}[query.sort]
    keys = [jobs.c.number] if column is None else [column, jobs.c.number]
    if (after := read_cursor(query)) is not None:
        start = after[-1:] if column is None else after
        place = sa.tuple_(*keys), sa.tuple_(*(sa.literal(value) for value in start))
        conditions.append(place[0] < place[1] if query.descending else place[0] > place[1])
    limit = max(1, min(query.limit, MAX_LIMIT))
    order = [key.desc() if query.descending else key.asc() for key in keys]
    rows = connection.execute(sa.select(jobs).where(*conditions).order_by(*order).limit(limit + 1)).all()
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = write_cursor(query, "" if column is None else getattr(last, column.name), last.number)
    return Page(items=[to_job(found) for found in rows[:limit]], total=total, next=following)


def _conditions(query: JobQuery) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if query.kind is not None:
        conditions.append(jobs.c.kind == query.kind.value)
    if query.states:
        conditions.append(jobs.c.state.in_(sorted(state.value for state in query.states)))
    if query.group is not None:
        conditions.append(jobs.c.group_name == query.group)
    if query.dataset_id is not None:
        conditions.append(jobs.c.dataset_id == query.dataset_id)
    if query.text:
        conditions.append(jobs.c.name.icontains(query.text, autoescape=True))
    return conditions


def counts(connection: sa.Connection) -> dict[JobKind, dict[JobState, int]]:
    """How many jobs of each kind are in each state."""
    found: dict[JobKind, dict[JobState, int]] = {kind: {} for kind in JobKind}
    columns = jobs.c.kind, jobs.c.state
    for kind, state, number in connection.execute(sa.select(*columns, sa.func.count()).group_by(*columns)):
        found[JobKind(kind)][JobState(state)] = number
    return found


def groups(connection: sa.Connection, kind: JobKind | None) -> dict[str, int]:
    """How many jobs each group has."""
    query = sa.select(jobs.c.group_name, sa.func.count()).group_by(jobs.c.group_name).order_by(jobs.c.group_name)
    if kind is not None:
        query = query.where(jobs.c.kind == kind.value)
    return {name: number for name, number in connection.execute(query)}


def history(connection: sa.Connection, job_id: str) -> list[Transition]:
    """The changes of state of a job, the oldest first."""
    table = tables.transitions
    rows = connection.execute(sa.select(table).where(table.c.job_id == job_id).order_by(table.c.number))
    return [Transition(at=r.at, before=r.before, after=r.after, note=r.note) for r in rows]


def record(connection: sa.Connection, job_id: str) -> JobRecord:
    """A job with all that was asked for."""
    found = row(connection, job_id)
    table = tables.job_options
    text = connection.execute(sa.select(table.c.options).where(table.c.job_id == job_id)).scalar_one()
    return JobRecord(job=to_job(found), options=json.loads(text), history=history(connection, job_id))


def needed_by(connection: sa.Connection, job_id: str) -> list[Job]:
    """What must be done before a job can start."""
    query = sa.select(jobs).join(tables.needs, tables.needs.c.needed_id == jobs.c.id)
    return _jobs(connection, query.where(tables.needs.c.job_id == job_id).order_by(jobs.c.number))


def users_of(connection: sa.Connection, job_id: str) -> list[Job]:
    """The jobs that need a job."""
    query = sa.select(jobs).join(tables.needs, tables.needs.c.job_id == jobs.c.id)
    return _jobs(connection, query.where(tables.needs.c.needed_id == job_id).order_by(jobs.c.number))


def in_states(connection: sa.Connection, states: Iterable[JobState]) -> list[Job]:
    """All jobs in these states, in order of submission."""
    names = sorted(state.value for state in states)
    return _jobs(connection, sa.select(jobs).where(jobs.c.state.in_(names)).order_by(jobs.c.number))


def waiting(connection: sa.Connection) -> list[Waiting]:
    """The queue, in order of submission."""
    is_waiting = jobs.c.state == JobState.WAITING.value
    rows = connection.execute(sa.select(jobs).where(is_waiting).order_by(jobs.c.number)).all()
    needed: dict[str, list[Job]] = {}
    other = jobs.alias()
    query = (
        sa.select(tables.needs.c.job_id.label("user_id"), other)
        .join(jobs, jobs.c.id == tables.needs.c.job_id)
        .join(other, other.c.id == tables.needs.c.needed_id)
        .where(is_waiting)
    )
    for found in connection.execute(query):
        needed.setdefault(found.user_id, []).append(to_job(found))
    return [Waiting(to_job(found), found.wish, needed.get(found.id, [])) for found in rows]


def insert(connection: sa.Connection, record: JobRecord, needs: Iterable[str]) -> None:
    """Add a job with its options, history and needs."""
    job = record.job
    values = job.model_dump(mode="json", exclude={"group", "problem"})
    problem = job.problem.model_dump_json() if job.problem else None
    wish = str(record.options.get("device", ""))
    resumed = any(step.before in ENDED for step in record.history)
    connection.execute(
        jobs.insert().values(**values, group_name=job.group, problem=problem, wish=wish, resumed=resumed)
    )
    connection.execute(tables.job_options.insert().values(job_id=job.id, options=json.dumps(record.options)))
    steps = [{"job_id": job.id, **step.model_dump(mode="json")} for step in record.history]
    if steps:
        connection.execute(tables.transitions.insert(), steps)
    for needed_id in dict.fromkeys(needs):
        connection.execute(tables.needs.insert().values(job_id=job.id, needed_id=needed_id))


def _jobs(connection: sa.Connection, query: sa.Select[Any]) -> list[Job]:
    return [to_job(found) for found in connection.execute(query)]
