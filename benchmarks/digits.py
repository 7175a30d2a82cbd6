"""70,000 digits of 28 x 28: MNIST where its files are at hand, otherwise drawn to the same count.

Everything made on the way lies under `out/bench` of the repository and is used again by the next run.
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

OUT = Path(__file__).resolve().parent.parent / "out" / "bench"
PARTS = (("train", 60_000), ("t10k", 10_000))
FOLDER_COUNT = 70_000


@dataclass(frozen=True)
class Digits:
    """The pictures, wherever they are from. `mnist` is the folder of the four original files, or None."""

    mnist: Path | None = None

    @property
    def name(self) -> str:
        return "MNIST" if self.mnist else "drawn digits"

    @cached_property
    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """Images (70000, 28, 28) and labels (70000,), uint8."""
        return _read(self.mnist) if self.mnist else _draw(FOLDER_COUNT)

    @property
    def folder(self) -> Path:
        """All of them as PNG files, one folder for each class."""
        return OUT / ("mnist-png" if self.mnist else "drawn-png")

    def write_folder(self) -> Path:
        """Write the PNG files, unless an earlier run has."""
        mark = self.folder / ".complete"
        if mark.exists():
            return self.folder
        shutil.rmtree(self.folder, ignore_errors=True)
        images, labels = self.all
        for label in range(10):
            (self.folder / str(label)).mkdir(parents=True)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            cv2.imwrite(str(self.folder / str(label) / f"{index:05d}.png"), image)
        mark.touch()
        return self.folder


def find_mnist(given: Path | None) -> Path | None:
    """The folder with MNIST's four files: as given, or from GRADUS_BENCH_MNIST."""
    folder = given or (Path(found) if (found := os.environ.get("GRADUS_BENCH_MNIST")) else None)
    if folder is not None and not (folder / "train-images-idx3-ubyte.gz").is_file():
        raise SystemExit(f"{folder} does not hold train-images-idx3-ubyte.gz and the other files of MNIST")
    return folder


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = [], []
    for part, count in PARTS:
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
            magic, found, height, width = struct.unpack(">IIII", file.read(16))
            assert (magic, found, height, width) == (2051, count, 28, 28)
            images.append(np.frombuffer(file.read(), np.uint8).reshape(count, 28, 28))
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
            assert struct.unpack(">II", file.read(8)) == (2049, count)
            labels.append(np.frombuffer(file.read(), np.uint8))
    return np.concatenate(images), np.concatenate(labels)


def _draw(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of OpenCV's line font, of random size, place, weight and slant, with a little noise."""
    random = np.random.default_rng(1)
    labels = np.arange(count, dtype=np.uint8) % 10
    images = np.zeros((count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        canvas = np.zeros((28, 28), np.uint8)
        where = (int(random.integers(5, 9)), int(random.integers(20, 25)))
        size, weight = float(random.uniform(0.6, 0.85)), int(random.integers(1, 4))
        cv2.putText(canvas, str(label), where, cv2.FONT_HERSHEY_SIMPLEX, size, 255, weight, cv2.LINE_AA)
        slant = float(random.uniform(-0.3, 0.3))
        turn = np.array([[1, slant, -14 * slant], [0, 1, 0]], np.float32)
        image[:] = cv2.warpAffine(canvas, turn, (28, 28))
    return images, labels
