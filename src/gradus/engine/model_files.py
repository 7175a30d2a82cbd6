"""What a model's folder holds beside its snapshots: enough to use the model without its dataset.

original.prototxt train_val.prototxt deploy.prototxt solver.prototxt   the network and its solver, as texts
digits_python_layers.py                                                code of its layers of type Python, if it has any
labels.txt                                                             one class a line
mean.binaryproto                                                       where the mean picture is subtracted
preprocessing.json                                                     what is done to a picture
dataset.json                                                           what the dataset was
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gradus.core.dataset import DatasetFacts
from gradus.core.errors import ConflictError, InputError
from gradus.core.model import MeanKind, Preprocessing
from gradus.core.network import NetworkInput
from gradus.data.facts import FILE as DATASET
from gradus.data.facts import write_facts
from gradus.data.files import write_bytes, write_json, write_text
from gradus.data.mean import read_mean
from gradus.nets.caffe import user_code
from gradus.nets.compilers import compile_network
from gradus.nets.network import Network

ORIGINAL = "original.prototxt"
SOLVER = "solver.prototxt"
PYTHON_LAYERS = user_code.FILE
LABELS = "labels.txt"
MEAN = "mean.binaryproto"
PREPROCESSING = "preprocessing.json"


def write_model(
    folder: Path, dataset: Path, facts: DatasetFacts, recorded: Preprocessing, texts: Mapping[str, str]
) -> None:
    """Write all of it; what is there already with the same content (a resumed training) stays untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        _renew(folder / name, text)
    _renew(folder / LABELS, "".join(f"{label}\n" for label in facts.labels))
    if recorded.mean is MeanKind.IMAGE and not (folder / MEAN).exists():
        write_bytes(folder / MEAN, (dataset / MEAN).read_bytes())
    if not (folder / DATASET).exists():
        write_facts(folder, facts)
    if not (folder / PREPROCESSING).exists():
        write_json(folder / PREPROCESSING, recorded)


def keep_python_layers(folder: Path, code: str) -> None:
    """Store the code of a network's Python layers, if there is any, and let this process run it from there."""
    if code.strip():
        folder.mkdir(parents=True, exist_ok=True)
        _renew(folder / PYTHON_LAYERS, code)
    permit_python_layers(folder)


def permit_python_layers(folder: Path) -> None:
    """Let this process run the code that was stored with the model: only in a worker's or predictor's process."""
    if (folder / PYTHON_LAYERS).is_file():
        user_code.permit(folder)


def read_labels(folder: Path) -> list[str]:
    """The classes, in the order of the network's outputs."""
    return _text(folder / LABELS).splitlines()


def read_preprocessing(folder: Path) -> Preprocessing:
    """What is done to a picture before the network sees it."""
    text = _text(folder / PREPROCESSING)
    try:
        return Preprocessing.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{PREPROCESSING} of this model is damaged: {error.errors()[0]['msg']}.",
            file=str(folder / PREPROCESSING),
            hint="Train the model again.",
        ) from None


def read_model_mean(folder: Path, recorded: Preprocessing) -> NDArray[np.float32] | None:
    """The mean picture (channels, height, width), where the model subtracts one."""
    return read_mean(folder / MEAN) if recorded.mean is MeanKind.IMAGE else None


def read_network(folder: Path, recorded: Preprocessing, classes: int, device: str) -> Network:
    """The model's network, compiled as it was for training; its weights are still to be loaded."""
    permit_python_layers(folder)
    given = NetworkInput(
        width=recorded.width,
        height=recorded.height,
        channels=recorded.channels,
        classes=classes,
        crop_size=recorded.crop_size,
    )
    return compile_network(_text(folder / ORIGINAL), given, device=device, source=ORIGINAL)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConflictError(
            f"{path.name} of this model is missing.", file=str(path), hint="It is written when training starts."
        ) from None


def _renew(path: Path, content: str) -> None:
    """Write only what differs: each write waits for the disk."""
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        write_text(path, content)
