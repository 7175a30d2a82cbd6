"""The record of the processes that work on jobs, and the scheduler's lease."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from gradus.jobs.database import Database
from gradus.jobs.tables import leases, workers


@dataclass(frozen=True)
class WorkerRow:
    """Who works on a job. `nonce` was made for this one start; `offset` is how far its events have been read."""

    job_id: str
    nonce: str
    pid: int | None = None
    start_time: int | None = None  # clock ticks since boot, from /proc
    offset: int = 0


class Workers:
    """The tables of workers and leases. A row is there from before a worker starts until it is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_lease(self, holder: str) -> int:
        """Become the one scheduler of this home. Whoever was it before can change no state any more."""
        with self._database.write() as connection:
            old = connection.execute(sa.select(leases.c.token).where(leases.c.name == "scheduler")).scalar()
            values = {"token": (old or 0) + 1, "holder": holder, "taken": time.time()}
            if old is None:
                connection.execute(leases.insert().values(name="scheduler", **values))
            else:
                connection.execute(leases.update().where(leases.c.name == "scheduler").values(**values))
        return (old or 0) + 1

    def put(self, worker: WorkerRow) -> None:
        """Remember a worker, in place of an earlier one of the same job."""
        with self._database.write() as connection:
            put_worker(connection, worker)

    def get(self, job_id: str) -> WorkerRow | None:
        """The worker of a job, if one was ever asked for and is not known to be gone."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(workers).where(workers.c.job_id == job_id)).one_or_none()
        return WorkerRow(row.job_id, row.nonce, row.pid, row.start_time, row.offset) if row else None


def put_worker(connection: sa.Connection, worker: WorkerRow) -> None:
    """Remember a worker in a transaction of the caller's."""
    connection.execute(workers.delete().where(workers.c.job_id == worker.job_id))
    connection.execute(workers.insert().values(**worker.__dict__))
