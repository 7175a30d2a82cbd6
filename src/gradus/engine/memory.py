"""How many pictures at once, and what to say when it was too many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import psutil
import torch

from gradus.core.errors import MemoryLimitError
from gradus.core.network import Graph

EVALUATION_BATCH = 250  # what two cores hold in their caches: LeNet 53,500 pictures/s, with 500 41,600, with 64 32,900
EVALUATION_SHARE = 1 / 8  # of all memory, not of the free: the same machine shall give the same figures
FLOAT = 4  # bytes


def evaluation_batch(graph: Graph, device: torch.device) -> int:
    """Pictures in a batch where no gradients are kept: at most 250, as many as surely fit."""
    total = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else _host_memory()
    values = sum(prod(shape) for node in graph.nodes for shape in node.shapes)
    per_picture = max(1, values * FLOAT // max(1, graph.batch_size))
    return max(1, min(EVALUATION_BATCH, int(total * EVALUATION_SHARE) // per_picture))


@contextmanager
def within_memory(device: str, batch_size: int) -> Iterator[None]:
    """Say in words that a device's memory was too small, and which batch size to try."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _too_small(device, batch_size) from error
    except MemoryError as error:
        raise _too_small(device, batch_size) from error
    except RuntimeError as error:  # the processor's allocator has no class of its own
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise _too_small(device, batch_size) from error


def _too_small(device: str, batch_size: int) -> MemoryLimitError:
    smaller = batch_size // 2
    hint = f"Try a batch size of {smaller}." if smaller else "Try smaller pictures, a smaller crop or another network."
    return MemoryLimitError(
        f"{_room(device)} is too small for this network at a batch size of {batch_size}.",
        field="batch_size",
        hint=hint,
    )


def _room(device: str) -> str:
    if device.startswith("cuda") and torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info(torch.device(device))
        return f"The memory of {device} ({total / 2**30:.1f} GiB, {free / 2**30:.1f} GiB of it free)"
    return f"The memory of {device}" if device != "cpu" else f"This machine's memory ({_host_memory() / 2**30:.1f} GiB)"


def _host_memory() -> int:
    return int(psutil.virtual_memory().total)
