"""A tiny dataset, a tiny network and a report that remembers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.model import Snapshot, TrainingOptions
from gradus.data.build import build_classification

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin crawl on a busy machine

SIDE = 12
CLASSES = ("across", "down", "plain")
TINY = """
name: "tiny"
layer { name: "train-data" type: "Data" top: "data" top: "label"
        transform_param { MIRROR scale: 0.0125 } data_param { batch_size: 7 } include { stage: "train" } }
layer { name: "val-data" type: "Data" top: "data" top: "label"
        transform_param { scale: 0.0125 } data_param { batch_size: 4 } include { stage: "val" } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } param { lr_mult: 2 }
        convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "pool1" top: "pool1" }
layer { name: "drop1" type: "Dropout" bottom: "pool1" top: "pool1" dropout_param { dropout_ratio: 0.2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1"
        inner_product_param { weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip1" bottom: "label" top: "accuracy" include { stage: "val" } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" exclude { stage: "deploy" } }
layer { name: "softmax" type: "Softmax" bottom: "ip1" top: "softmax" include { stage: "deploy" } }
"""


@dataclass
class Remembered:
    """A report that keeps everything, and asks to stop when `until` says so."""

    points: list[tuple[int, float, dict[str, float | None]]] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)
    until: Callable[[Remembered], bool] = lambda _: False

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None:
        self.told.append((fraction, activity))

    def metrics(self, step: int, epoch: float, values: Mapping[str, float | None]) -> None:
        self.points.append((step, epoch, dict(values)))

    def snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def counts(self, split: Split, labels: Sequence[str], counts: Sequence[int]) -> None:
        raise AssertionError("a training counts nothing")

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def stopping(self) -> bool:
        return self.until(self)

    def series(self, name: str) -> list[tuple[int, float | None]]:
        return [(step, values[name]) for step, _, values in self.points if name in values]


def picture(kind: str, number: int) -> np.ndarray:
    """A gray picture with a bar across or down at a random place, or with noise alone."""
    random = np.random.default_rng([CLASSES.index(kind), number])
    image = random.integers(0, 60, (SIDE, SIDE), np.uint8)
    place = int(random.integers(2, SIDE - 3))
    if kind == "across":
        image[place : place + 2] = 230
    elif kind == "down":
        image[:, place : place + 2] = 230
    return image


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty PNG files for each of three classes."""
    folder = tmp_path_factory.mktemp("pictures")
    for kind in CLASSES:
        (folder / kind).mkdir()
        for number in range(40):
            cv2.imwrite(str(folder / kind / f"{number:02d}.png"), picture(kind, number))
    return folder


@pytest.fixture(scope="session")
def dataset(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 of them to train on, 30 to validate."""
    return _built(pictures, tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def hdf5_dataset(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pictures as compressed HDF5."""
    return _built(pictures, tmp_path_factory.mktemp("hdf5"), backend="hdf5", compression="gzip")


def _built(pictures: Path, folder: Path, **changed: object) -> Path:
    given = {"name": "bars", "train": str(pictures), "channels": 1, "width": SIDE, "height": SIDE}

    class Quiet(Remembered):
        def counts(self, split: Split, labels: Sequence[str], counts: Sequence[int]) -> None:
            pass

    build_classification(ClassificationOptions.model_validate(given | changed), folder, Quiet())
    return folder


def tiny(*, mirror: bool = False) -> str:
    """The network's text."""
    return TINY.replace("MIRROR", "mirror: true" if mirror else "")


def training(**changes: object) -> TrainingOptions:
    """Four epochs of 13 iterations (90 pictures in batches of 7), in float32."""
    given: dict[str, object] = {
        "name": "m", "dataset": "d", "network": "custom", "network_text": tiny(), "epochs": 4, "seed": 5,
        "learning_rate": 0.05, "precision": "float32",
    }  # fmt: skip
    return TrainingOptions.model_validate(given | changes)


@pytest.fixture(name="report")
def _report() -> type[Remembered]:
    """Makes reports: `report()`, or `report(until=...)` for one that asks to stop."""
    return Remembered


@pytest.fixture(name="options")
def _options() -> Callable[..., TrainingOptions]:
    """Makes options: `options(epochs=1)`."""
    return training


@pytest.fixture(name="text")
def _text() -> Callable[..., str]:
    """Makes the tiny network's text: `text(mirror=True)`."""
    return tiny


@pytest.fixture(scope="session")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned the bars. Tests do not write into it."""
    from gradus.engine.train import train

    folder = tmp_path_factory.mktemp("model")
    train(training(epochs=12), dataset, folder, Remembered(), device="cpu")
    return folder
