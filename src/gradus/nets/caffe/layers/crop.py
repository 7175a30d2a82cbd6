"""Cutting a blob to the size of another (catalogue 1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times


class Crop(Layer):
    """The first bottom, from `offset` on, in the second one's size along `axis` and all axes after it."""

    settings = "crop_param"
    bottoms = (2, 2)
    overwritable = False  # a view of its bottom

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One offset for all cropped axes, one for each, or none (0)."""
        shape, size = shapes
        first = self.axis(p.axis, len(shape))
        self.axes = range(first, len(shape))
        given = list(p.offset) or [0]
        if len(given) not in (1, len(self.axes)):
            raise self.error(
                f"gives {len(given)} offsets for the {len(self.axes)} axes from axis {first}", at="crop_param.offset"
            )
        self.offsets = given * len(self.axes) if len(given) == 1 else given
        if len(size) != len(shape):
            raise self.error(f"needs inputs with as many axes, not {times(shape)} and {times(size)}", at="bottom")
        for axis, offset in zip(self.axes, self.offsets, strict=True):
            if offset + size[axis] > shape[axis]:
                raise self.error(
                    f"would cut {size[axis]} from {offset} on out of the {shape[axis]} along axis {axis}",
                    at="crop_param.offset", hint="The second input gives the size, which must fit into the first.",
                )  # fmt: skip

    def forward(self, x: Tensor, size: Tensor) -> Tensor:
        """A view; the second bottom gets no gradient."""
        for axis, offset in zip(self.axes, self.offsets, strict=True):
            x = x.narrow(axis, offset, size.shape[axis])
        return x
