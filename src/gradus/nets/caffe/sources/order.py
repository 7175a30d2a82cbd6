"""Which items a source reads next: all in turn, shuffled anew for each pass, or this process's share of them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Indices = NDArray[np.intp]


class Order:
    """Endless passes over `count` items; process `rank` of `world` gets every world-th.

    The stride runs on from one pass into the next, as Caffe's does, so that no item belongs to one process for
    good. All processes must shuffle with equal generators.
    """

    def __init__(
        self, count: int, shuffle: Generator | None = None, *, rank: int = 0, world: int = 1, skip: int = 0
    ) -> None:
        self._shuffle, self._world = shuffle, world
        self._items: Indices = np.arange(count)
        self._at = skip % count + rank
        self._mix()
        self._turn()

    def peek(self) -> int:
        """The next item, which stays the next."""
        return int(self._items[self._at])

    def take(self, count: int) -> Indices:
        """The next `count` items."""
        parts = []
        while count:
            part = self._items[self._at :: self._world][:count].copy()
            parts.append(part)
            count -= len(part)
            self._at += self._world * len(part)
            self._turn()
        return np.concatenate(parts) if parts else self._items[:0]

    def _turn(self) -> None:
        while self._at >= len(self._items):
            self._at -= len(self._items)
            self._mix()

    def _mix(self) -> None:
        if self._shuffle is not None:
            self._shuffle.shuffle(self._items)
