"""What a network needs is estimated before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence

import psutil
import torch

from gradus.core.errors import NetworkError
from gradus.nets.network import ParameterSpec

COPIES = 3  # weights, gradients and the solver's history
_GIB = 2**30


def refuse_too_large(specs: Sequence[ParameterSpec], device: str, source: str) -> None:
    """A NetworkError if weights, gradients and history exceed all the memory that the device has."""
    if device.startswith("cuda"):
        _, memory = torch.cuda.mem_get_info(device)
    else:
        memory = psutil.virtual_memory().total
    count = sum(spec.tensor.numel() for spec in specs)
    needed = count * 4 * COPIES
    if needed > memory:
        largest = max(specs, key=lambda spec: spec.tensor.numel())
        raise NetworkError(
            f"the network has {count:,} parameters: training needs at least {needed / _GIB:,.1f} GiB for them, and"
            f" {device} has {memory / _GIB:,.1f} GiB", file=source,
            hint=f"Most of them, {largest.tensor.numel():,}, are in {largest.name}.",
        )  # fmt: skip
