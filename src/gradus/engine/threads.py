"""How many threads a network is worth.

With two threads on a busy machine a tiny network waits for the other thread's turn, which takes a
scheduler's slice: 61 ms instead of 0.2 (performance reference, 5). One thread never waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL = 50_000_000  # multiply-adds in one call: about a millisecond on one core


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """Run on one thread where there is little to compute, else on as many as there were."""
    before = torch.get_num_threads()
    if multiply_adds >= SMALL or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
