from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from gradus.core.errors import NetworkError, UnavailableError
from gradus.core.event import Event
from gradus.core.job import Job
from gradus.core.network import Graph
from gradus.core.state import JobState
from gradus.jobs.engine_host import EngineHost
from gradus.jobs.events import EventWriter
from gradus.jobs.orders import NetworkQuestion
from gradus.services.house import House
from gradus.services.settings import Settings


class StubHost:
    """In place of the engine host: no process, no torch. Text with `broken` in it does not compile."""

    ready = True
    hopeless = False

    def __init__(self) -> None:
        self.asked: list[NetworkQuestion] = []

    def start(self) -> None: ...
    def close(self) -> None: ...
    def wait(self, timeout: float) -> bool:
        return True

    def watch(self, watcher: Callable[[], None]) -> None: ...
    def ask(self, question: NetworkQuestion, timeout: float = 60) -> Graph:
        self.asked.append(question)
        if not self.ready:
            raise UnavailableError("the engine is starting")
        if "broken" in question.text:
            raise NetworkError("there is no layer type `Broken`", line=1 + question.text.split("broken")[0].count("\n"))
        return Graph(
            name="net", phase=question.phase, nodes=[], edges=[], inputs=["data"], outputs=["loss"], parameters=0,
            multiply_adds=0, batch_size=question.given.batch_size or 1,
        )  # fmt: skip


class Idle:
    """An executor that never starts anything."""

    def ready(self, kind: object) -> bool:
        return False

    def start(self, folder: Path, task: object) -> object:
        raise UnavailableError("nothing is started here")

    def collect(self) -> None: ...
    def watch(self, wake: Callable[[], None]) -> None: ...


def _pictures(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 6, side: int = 16) -> Path:
    random = np.random.default_rng(0)
    for label in classes:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = random.integers(0, 255, (side, side, 3), np.uint8)
            assert cv2.imwrite(str(folder / label / f"{number}.png"), pixels)
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of two classes with six pictures each, inside the data root."""
    return _pictures(tmp_path / "data" / "pets")


@pytest.fixture
def make_pictures() -> Callable[..., Path]:
    return _pictures


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir(exist_ok=True)
    return Settings(home=tmp_path / "home", data_roots=[tmp_path / "data"], auth="token", port=5000)


@pytest.fixture
def host() -> StubHost:
    return StubHost()


@pytest.fixture
def house(settings: Settings, host: StubHost) -> Iterator[House]:
    """A house at work that starts no workers."""
    with House(settings, host=cast(EngineHost, host), executor=Idle()).open("command") as opened:
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
