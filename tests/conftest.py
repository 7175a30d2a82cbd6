"""What all tests share: how hypothesis draws, stand-ins for what a house starts, a report that remembers.

And Caffe's messages as the protobuf runtime has them, to read what Gradus writes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import settings

from gradus.core.errors import NetworkError, UnavailableError
from gradus.core.network import Graph
from gradus.jobs.orders import NetworkQuestion

Field = descriptor_pb2.FieldDescriptorProto

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


class Memory:
    """A report that remembers what it was told; `stop_after` ends the work at that many looks."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.told: list[tuple[float, str, float | None]] = []
        self.warnings: list[str] = []
        self.counted: dict[str, list[int]] = {}
        self.looks = 0
        self.stop_after = stop_after

    def progress(self, fraction, activity, rate=None):
        self.told.append((fraction, activity, rate))

    def metrics(self, step, epoch, values):
        raise AssertionError("a dataset has no metrics")

    def snapshot(self, snapshot):
        raise AssertionError("a dataset has no snapshots")

    def counts(self, split, labels, counts):
        assert len(labels) == len(counts)
        self.counted[split] = list(counts)

    def warning(self, message):
        self.warnings.append(message)

    def stopping(self):
        self.looks += 1
        return self.stop_after is not None and self.looks > self.stop_after


@pytest.fixture
def memory():
    return Memory


@pytest.fixture(scope="session")
def caffe():
    """`Datum` and `BlobProto` as caffe.proto declares them."""
    file = descriptor_pb2.FileDescriptorProto(name="test_caffe.proto", package="test", syntax="proto2")
    messages = {
        "Datum": [
            ("channels", 1, Field.TYPE_INT32, False),
            ("height", 2, Field.TYPE_INT32, False),
            ("width", 3, Field.TYPE_INT32, False),
            ("data", 4, Field.TYPE_BYTES, False),
            ("label", 5, Field.TYPE_INT32, False),
            ("float_data", 6, Field.TYPE_FLOAT, True),
            ("encoded", 7, Field.TYPE_BOOL, False),
        ],
        "BlobShape": [("dim", 1, Field.TYPE_INT64, True)],
        "BlobProto": [
            ("num", 1, Field.TYPE_INT32, False),
            ("channels", 2, Field.TYPE_INT32, False),
            ("height", 3, Field.TYPE_INT32, False),
            ("width", 4, Field.TYPE_INT32, False),
            ("data", 5, Field.TYPE_FLOAT, True),
            ("shape", 7, Field.TYPE_MESSAGE, False),
        ],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if kind == Field.TYPE_MESSAGE:
                added.type_name = ".test.BlobShape"
            if (repeated and name == "BlobProto") or field == "dim":
                added.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return SimpleNamespace(
        **{name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}")) for name in messages}
    )
