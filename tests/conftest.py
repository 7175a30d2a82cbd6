"""What all tests share: how hypothesis draws, and stand-ins for what a house starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from gradus.core.errors import NetworkError, UnavailableError
from gradus.core.network import Graph
from gradus.jobs.orders import NetworkQuestion

# A commit passes or fails, whatever the day and however busy the machine: the examples are drawn from the tests
# themselves, and none has a deadline. `--hypothesis-profile=default` searches anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


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


@pytest.fixture
def host() -> StubHost:
    return StubHost()


@pytest.fixture
def executor() -> Idle:
    return Idle()


@pytest.fixture
def make_pictures() -> Callable[..., Path]:
    """Draws a folder of classes: `make_pictures(folder, ("cat", "dog"), count=6, side=16)`."""

    def make(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 6, side: int = 16) -> Path:
        random = np.random.default_rng(0)
        for label in classes:
            (folder / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = random.integers(0, 255, (side, side, 3), np.uint8)
                assert cv2.imwrite(str(folder / label / f"{number}.png"), pixels)
        return folder

    return make
