"""Lightning Fabric for one device string: where tensors go, how precisely to compute."""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.plugins.precision import Precision as FullPrecision

from gradus.core.errors import UnavailableError
from gradus.core.model import Precision
from gradus.engine.precision import choose


def fabric_for(device: str, precision: Precision = Precision.AUTO) -> tuple[Fabric, Precision]:
    """Fabric on `cpu` or `cuda:N`, and the precision that was chosen.

    The precision is given as a plugin, because Fabric announces it on stderr when given as a word; the
    environment too, because a worker is one process of ours even where a cluster's variables are set.
    """
    place = torch_device(device)
    chosen = choose(precision, place)
    precise = MixedPrecision("bf16-mixed", place.type) if chosen is Precision.BFLOAT16 else FullPrecision()
    plugins: list[Any] = [precise, LightningEnvironment()]
    if place.type == "cuda":
        if chosen is Precision.FLOAT32:
            torch.backends.cudnn.allow_tf32 = False  # "float32 is exact", convolutions included
        return Fabric(accelerator="cuda", devices=[place.index], plugins=plugins), chosen
    return Fabric(accelerator="cpu", devices=1, plugins=plugins), chosen


def torch_device(device: str) -> torch.device:
    """The device of that name; UnavailableError where this machine has none."""
    if device == "cpu":
        return torch.device("cpu")
    place = torch.device(device)
    index = place.index or 0
    count = torch.cuda.device_count()
    if index >= count:
        there = f"there are {count}" if count else "this machine has none that PyTorch can use"
        raise UnavailableError(f"There is no GPU {device}: {there}.", field="device", hint="Choose another device.")
    return torch.device(place.type, index)
