from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradus.core.event import Event
from gradus.core.job import Job
from gradus.core.state import JobState
from gradus.jobs.events import EventWriter
from gradus.services.house import House
from gradus.services.settings import Settings


@pytest.fixture
def pictures(tmp_path: Path, make_pictures: Callable[..., Path]) -> Path:
    """A folder of two classes with six pictures each, inside the data root."""
    return make_pictures(tmp_path / "data" / "pets")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir(exist_ok=True)
    return Settings(home=tmp_path / "home", data_roots=[tmp_path / "data"], auth="token", port=5000)


@pytest.fixture
def house(settings: Settings, host: Any, executor: Any) -> Iterator[House]:
    """A house at work that starts no workers."""
    with House(settings, host=host, executor=executor).open("command") as opened:
        yield opened


@pytest.fixture
def say(house: House) -> Callable[..., None]:
    """Append events to a job's file, as its worker would."""

    def append(job: Job, *events: Event) -> None:
        writer = EventWriter(house.home.job_folder(job.id) / "events.jsonl")
        for event in events:
            writer.write(event)
        writer.close()

    return append


@pytest.fixture
def finish(house: House) -> Callable[..., Job]:
    """Bring a waiting job to an end, as the scheduler would."""

    def end(job: Job, state: JobState = JobState.DONE) -> Job:
        house.store.transition(job.id, JobState.WAITING, JobState.STARTING)
        house.store.transition(job.id, JobState.STARTING, JobState.RUNNING)
        if state is JobState.RUNNING:
            return house.store.get(job.id)
        if state is JobState.ABORTED:
            house.store.transition(job.id, JobState.RUNNING, JobState.ABORTING)
            return house.store.transition(job.id, JobState.ABORTING, JobState.ABORTED)
        return house.store.transition(job.id, JobState.RUNNING, state)

    return end


@pytest.fixture
def soon() -> Callable[..., None]:
    def wait(condition: Callable[[], object]) -> None:
        until = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.01)

    return wait
