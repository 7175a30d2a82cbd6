"""Folders of pictures, a watcher that remembers, and Caffe's messages through the protobuf runtime."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from gradus.core.classification import ClassificationOptions

Field = descriptor_pb2.FieldDescriptorProto


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


@pytest.fixture
def pictures(tmp_path):
    """Make `count` PNG pictures in each class folder, every one different."""

    def make(classes=("cat", "dog"), count=10, size=(12, 9), root="pictures", channels=3):
        made = np.random.default_rng(7)
        for name in classes:
            folder = tmp_path / root / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                shape = (size[1], size[0], 3) if channels == 3 else (size[1], size[0])
                assert cv2.imwrite(str(folder / f"{i:03d}.png"), made.integers(0, 256, shape, np.uint8))
        return tmp_path / root

    return make


@pytest.fixture
def options():
    def make(folder, **given):
        given = {"name": "test", "width": 12, "height": 9, **given}
        return ClassificationOptions(train=str(folder), **given)

    return make


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
