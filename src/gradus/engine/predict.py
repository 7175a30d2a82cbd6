"""A trained model that answers at once: loaded, warmed up, prepared as its dataset was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradus.core.errors import ConflictError, ImageError, Problem
from gradus.core.model import Prediction
from gradus.data.fitting import fit_file
from gradus.data.pictures import read_file
from gradus.engine import model_files, preload  # noqa: F401 - what compiling imports only when used
from gradus.engine.accelerator import torch_device
from gradus.engine.memory import evaluation_batch, within_memory
from gradus.engine.preparation import Preparation
from gradus.engine.snapshot_files import choose
from gradus.engine.snapshots import load_weights
from gradus.engine.tasks.classification import classes_of
from gradus.engine.threads import threads_for

WARM_UP = 2  # calls: the first builds the kernels, the second finds them

Pixels = NDArray[np.uint8]


class Predictor:
    """One snapshot of one model on one device. Not for several threads at once.

    float32, whatever it was trained in: the same picture gets the same figures on every machine.
    """

    def __init__(self, folder: Path, snapshot: str | None = None, device: str = "cpu") -> None:
        """Load the named snapshot, or the newest that is whole.

        Raises NotFoundError or ConflictError where there is no such snapshot or it is damaged.
        """
        place = torch_device(device)
        self.snapshot = choose(folder, snapshot)
        self.labels = model_files.read_labels(folder)
        self._recorded = model_files.read_preprocessing(folder)
        self._device, self._name = place, device
        mean = model_files.read_model_mean(folder, self._recorded)
        self._preparation = Preparation(self._recorded, mean, place)
        with within_memory(device, 1):
            self._network = model_files.read_network(folder, self._recorded, len(self.labels), "cpu")
            load_weights(folder, self.snapshot.name, self._network)
            self._network.module.to(place)
            self._network.module.to(memory_format=torch.channels_last)
            graph = self._network.graph("deploy")
            self._multiply_adds = graph.multiply_adds
            self._most = evaluation_batch(graph, place)
            blank = np.zeros((1, self._recorded.height, self._recorded.width, self._recorded.channels), np.uint8)
            for _ in range(WARM_UP):
                self._scores(blank)

    def predict(self, pictures: Sequence[bytes | Path], top: int = 5) -> list[Prediction | Problem]:
        """What the model says of each picture, in their order; a Problem for one that cannot be read."""
        started = time.perf_counter()
        read = self._read_all(pictures)
        good = [pixels for pixels in read if not isinstance(pixels, Problem)]
        with within_memory(self._name, len(good)):
            parts = [self._scores(np.stack(good[i : i + self._most])) for i in range(0, len(good), self._most)]
        answers = iter(classes_of(torch.cat(parts), self.labels, top) if parts else [])
        each = (time.perf_counter() - started) * 1000 / max(1, len(pictures))
        return [
            pixels
            if isinstance(pixels, Problem)
            else Prediction(
                input=_name(picture, number),
                classes=next(answers),
                snapshot=self.snapshot.name,
                epoch=self.snapshot.epoch,
                milliseconds=each,
            )
            for number, (picture, pixels) in enumerate(zip(pictures, read, strict=True), 1)
        ]

    def _scores(self, batch: Pixels) -> Tensor:
        """Probabilities (n, classes) on the processor."""
        with torch.inference_mode(), threads_for(self._multiply_adds * len(batch)):
            images = self._preparation.evaluation(torch.from_numpy(batch).to(self._device))
            values = self._network.forward(images, None, "deploy").values
            if self._network.scores not in values:
                raise ConflictError("The network gives no probabilities when deployed.", file=model_files.ORIGINAL)
            return values[self._network.scores].float().flatten(1).cpu()

    def _read_all(self, pictures: Sequence[bytes | Path]) -> list[Pixels | Problem]:
        if len(pictures) < 2:
            return [self._read(picture) for picture in pictures]
        with ThreadPoolExecutor(min(len(pictures), cpu_count() or 1)) as readers:
            return list(readers.map(self._read, pictures))

    def _read(self, picture: bytes | Path) -> Pixels | Problem:
        """A picture as the dataset would have stored it, by the same code: blue, green, red, or gray."""
        wanted, named = self._recorded, isinstance(picture, Path)
        try:
            data = read_file(picture) if isinstance(picture, Path) else picture
            pixels = fit_file(data, wanted.width, wanted.height, wanted.channels, wanted.resize_mode).pixels
        except ImageError as error:
            return error.problem.model_copy(update={"file": str(picture)}) if named else error.problem
        return np.ascontiguousarray(pixels[:, :, ::-1]) if wanted.channels == 3 else pixels


def _name(picture: bytes | Path, number: int) -> str:
    return str(picture) if isinstance(picture, Path) else f"picture {number}"
