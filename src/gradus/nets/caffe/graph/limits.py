"""What a network needs is estimated before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import psutil
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.graph.placing import Built, Placed
from gradus.nets.network import ParameterSpec

TRAINED = 3  # copies of a weight: itself, its gradient and the solver's history
_GIB = 2**30
_VIEWS = ("Split", "Flatten", "Reshape", "Slice", "Dropout", "Permute")  # their tops may be their bottom's memory


def refuse_too_large(
    specs: Sequence[ParameterSpec], device: str, source: str, *, copies: int = TRAINED, blobs: int = 0
) -> None:
    """A NetworkError if weights, and values of blobs at one time, exceed all the memory that the device has."""
    if device.startswith("cuda"):
        _, memory = torch.cuda.mem_get_info(device)
    else:
        memory = psutil.virtual_memory().total
    count = sum(spec.tensor.numel() for spec in specs)
    needed = (count * copies + blobs) * 4
    if needed <= memory:
        return
    values = f" and {blobs:,} values in its blobs" if blobs else ""
    hint = "Use a smaller batch or smaller pictures."
    if specs and count * copies > blobs:
        largest = max(specs, key=lambda spec: spec.tensor.numel())
        hint = f"Most of them, {largest.tensor.numel():,}, are in {largest.name}."
    raise NetworkError(
        f"the network has {count:,} parameters{values}: {'training' if copies == TRAINED else 'it'} needs at least"
        f" {needed / _GIB:,.1f} GiB for them, and {device} has {memory / _GIB:,.1f} GiB", file=source, hint=hint,
    )  # fmt: skip


def held_values(built: Built, *, keep: bool) -> int:
    """The most values that blobs hold at one time, at least: with `keep` they are all held to the end."""
    sizes = {
        slot: 0 if _is_view(placed, place) else math.prod(shape)
        for placed in built.placed
        for place, (slot, shape) in enumerate(zip(placed.writes, placed.top_shapes, strict=True))
    }
    if keep:
        return sum(sizes.values())
    held = most = sum(sizes[slot] for slot in built.plan.feeds)
    for step in built.plan.steps:
        held += sum(sizes[slot] for slot in step.writes)
        most = max(most, held)
        held -= sum(sizes[slot] for slot in step.dead)
    return most


def _is_view(placed: Placed, place: int) -> bool:
    message = placed.definition.message
    return message.type in _VIEWS or message.top[place] in message.bottom
