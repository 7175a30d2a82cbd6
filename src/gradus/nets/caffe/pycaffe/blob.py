"""A blob as Python code in Caffe's world sees it: `data` and `diff` are float32 arrays that write through."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from gradus.core.errors import InputError
from gradus.nets.caffe.layers.base import COUNT_LIMIT, times
from gradus.nets.caffe.pycaffe.memory import Memory


class Blob:
    """An N-dimensional array of values with one of gradients of the same shape.

    The memory stays where it is until a `reshape` needs more of it, so an array taken from `data` before
    a pass shows what the pass wrote. Both are allocated when first asked for, filled with zeros.
    """

    def __init__(self, *shape: int) -> None:
        self._shape = _checked(shape)
        self.values, self.gradients = Memory(), Memory()

    @property
    def data(self) -> np.ndarray:
        """The values; write into it (`data[...] = x`)."""
        return self.values.array(self._shape)

    @property
    def diff(self) -> np.ndarray:
        """The gradients; write into it."""
        return self.gradients.array(self._shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of all axes; () for a single number."""
        return self._shape

    @property
    def count(self) -> int:
        """How many values it holds."""
        return math.prod(self._shape)

    def _legacy(self, axis: int) -> int:
        if len(self._shape) > 4:
            raise InputError(f"a blob of {times(self._shape)} has more than the four axes num, channels, height, width")
        return self._shape[axis] if axis < len(self._shape) else 1

    @property
    def num(self) -> int:
        """The first of four axes."""
        return self._legacy(0)

    @property
    def channels(self) -> int:
        """The second of four axes; 1 where there are fewer."""
        return self._legacy(1)

    @property
    def height(self) -> int:
        """The third of four axes; 1 where there are fewer."""
        return self._legacy(2)

    @property
    def width(self) -> int:
        """The last of four axes; 1 where there are fewer."""
        return self._legacy(3)

    def reshape(self, *shape: int) -> None:
        """Give it another shape. The values in memory stay unless there is too little of it."""
        self._shape = _checked(shape)

    def __repr__(self) -> str:
        return f"Blob({times(self._shape)})"


class BlobVec(list[Blob]):
    """The blobs that a layer learns."""

    def add_blob(self, *shape: int) -> None:
        """One more, of zeros: what a Python layer calls in `setup` to have parameters."""
        self.append(Blob(*shape))


def _checked(shape: Iterable[Any]) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in shape)
    if any(size < 0 for size in sizes) or math.prod(sizes) > COUNT_LIMIT:
        raise InputError(f"a blob cannot be {times(sizes)}: sizes are 0 or more, at most {COUNT_LIMIT:,} values in all")
    return sizes
