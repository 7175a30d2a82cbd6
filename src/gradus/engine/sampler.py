"""Which pictures are in which batch, and how each is cropped and flipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradus.engine.streams import Purpose, stream

Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Draw:
    """For each picture of a batch: where its crop begins, and whether it is mirrored."""

    top: NDArray[np.int64]
    left: NDArray[np.int64]
    flip: NDArray[np.bool_]


class ShuffledOrder:
    """One permutation of the set after another, cut into batches of one size.

    As with Caffe's data layers the stream does not end with an epoch: a batch that the rest of a
    permutation cannot fill goes on with the next one. Any step can be asked for without those before.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self._count, self._batch, self._seed = count, batch_size, seed
        self._shuffled: dict[int, Indices] = {}

    def indices(self, step: int) -> Indices:
        """The pictures of the batch of that step, counted from 0."""
        position, left, parts = step * self._batch, self._batch, []
        while left:
            turn, start = divmod(position, self._count)
            part = self._permutation(turn)[start : start + left]
            parts.append(part)
            position += len(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def draw(self, step: int, rows: int, columns: int) -> Draw:
        """Offsets in [0, rows] and [0, columns], both ends possible, and a fair coin for each picture."""
        generator = stream(self._seed, Purpose.AUGMENT, step)
        top = generator.integers(0, rows, self._batch, endpoint=True)
        left = generator.integers(0, columns, self._batch, endpoint=True)
        return Draw(top, left, generator.random(self._batch) < 0.5)

    def _permutation(self, turn: int) -> Indices:
        found = self._shuffled.get(turn)
        if found is None:
            found = stream(self._seed, Purpose.ORDER, turn).permutation(self._count)
            # prefetching may run into the next turn while this one is still read
            self._shuffled = {k: v for k, v in self._shuffled.items() if k >= turn - 1} | {turn: found}
        return found


class PlainOrder:
    """Every picture once, in the order of the database; the last batch is what is left."""

    def __init__(self, count: int, batch_size: int) -> None:
        self._count, self._batch = count, batch_size

    @property
    def steps(self) -> int:
        """Batches of one pass."""
        return -(-self._count // self._batch)

    def indices(self, step: int) -> Indices:
        """The pictures of that batch."""
        start = step * self._batch
        return np.arange(start, min(start + self._batch, self._count))
