from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gradus.core.job import Job, JobKind, JobRecord, new_job_id
from gradus.core.state import JobState
from gradus.jobs.executors.local import SpawningExecutor
from gradus.jobs.home import Home
from gradus.jobs.processes import Identity, family
from gradus.jobs.resources import Resources
from gradus.jobs.scheduler import Scheduler
from gradus.jobs.store import Store

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def _record(
    name: str = "a job", kind: JobKind = JobKind.DATASET, dataset_id: str | None = None, **options: object
) -> JobRecord:
    job = Job(
        id=new_job_id(), kind=kind, type="classification", name=name, state=JobState.WAITING, created=time.time(),
        dataset_id=dataset_id,
    )  # fmt: skip
    return JobRecord.model_validate({"job": job, "options": options, "history": []})


def _wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something another process does. Generous: how fast is not what these tests are about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Workshop:
    """A home with its store and a scheduler whose workers do the tasks of `fake_worker`."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.open()

    def open(self) -> None:
        self.store = Store(self.home)
        executor = SpawningExecutor((sys.executable, "-P", str(FAKE_WORKER)))
        self.scheduler = Scheduler(self.store, executor, Resources(cores=2))

    def close(self) -> None:
        self.scheduler.stop()
        self.store.close()

    def create(self, do: str = "finish", kind: JobKind = JobKind.DATASET, dataset: Job | None = None) -> Job:
        record = _record(do, kind, dataset.id if dataset else None, do=do)
        return self.store.create(record, [dataset.id] if dataset else [])

    def folder(self, job: Job) -> Path:
        return self.home.job_folder(job.id)

    def until(self, job: Job, *states: JobState) -> Job:
        _wait_until(lambda: self.store.get(job.id).state in states)
        return self.store.get(job.id)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "home")
    yield made
    made.scheduler.stop(workers=True)
    made.store.close()


@pytest.fixture
def record_of() -> Callable[..., JobRecord]:
    return _record


@pytest.fixture
def eventually() -> Callable[..., None]:
    return _wait_until


@pytest.fixture
def processes_of() -> Callable[[Workshop, Job], set[Identity]]:
    def find(workshop: Workshop, job: Job) -> set[Identity]:
        row = workshop.store.workers.get(job.id)
        assert row is not None and row.pid is not None and row.start_time is not None
        return family(Identity(row.pid, row.start_time), row.nonce)

    return find


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(Home(tmp_path / "home"))
    yield made
    made.close()
