"""Layers that give the same values another shape or order (catalogue 1.6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times


class Flatten(Layer):
    """The axes from `axis` to `end_axis` become one."""

    settings = "flatten_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """A range of axes."""
        self.first = self.axis(p.axis, len(shapes[0]))
        self.last = self.axis(p.end_axis, len(shapes[0]), "end_axis")
        if self.last < self.first:
            raise self.error("has its end_axis before its axis", at="flatten_param.end_axis")

    def forward(self, x: Tensor) -> Tensor:
        """A view where memory allows it."""
        return x.flatten(self.first, self.last)


class Reshape(Layer):
    """The same values in another shape: 0 copies a size, -1 takes what is left."""

    settings = "reshape_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Only the axes from `axis`, `num_axes` of them, are replaced; axis -1 is behind the last one."""
        shape, wanted = shapes[0], list(p.shape.dim)
        first = p.axis if p.axis >= 0 else len(shape) + 1 + p.axis
        last = len(shape) if p.num_axes == -1 else first + p.num_axes
        if not 0 <= first <= last <= len(shape):
            raise self.error(f"replaces axes that its input of {times(shape)} lacks", at="reshape_param.axis")
        if (
            wanted.count(-1) > 1
            or any(d < -1 for d in wanted)
            or any(d == 0 and first + i >= len(shape) for i, d in enumerate(wanted))
        ):
            raise self.error("needs sizes of at least 1, 0 to copy one, or a single -1", at="reshape_param.shape")
        self.wanted, self.first, self.last = wanted, first, last
        self.target(shape)

    def target(self, shape: Shape) -> Shape:
        """The shape that one input gets; the batch may be another than at setup."""
        middle = [shape[self.first + i] if d == 0 else d for i, d in enumerate(self.wanted)]
        new = [*shape[: self.first], *middle, *shape[self.last :]]
        total, known = math.prod(shape), math.prod(d for d in new if d != -1)
        if -1 in new and known and total % known == 0:
            new[new.index(-1)] = known = total // known
        elif known != total or -1 in new:
            raise self.error(
                f"cannot give its input of {times(shape)} the shape {self.wanted}: {total:,} values do not fit",
                at="reshape_param.shape",
            )
        return tuple(new)

    def forward(self, x: Tensor) -> Tensor:
        """A view where memory allows it."""
        return x.reshape(self.target(tuple(x.shape)))


class Tile(Layer):
    """The blob several times one after the other along an axis."""

    settings = "tile_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """How often must be said."""
        dim = self.axis(p.axis, len(shapes[0]))
        self.repeats = [1] * len(shapes[0])
        self.repeats[dim] = self.positive(p.tiles, "tiles")

    def forward(self, x: Tensor) -> Tensor:
        """One copy; gradients add up."""
        return x.repeat(self.repeats)


class Permute(Layer):
    """The axes in another order; those that `order` leaves out follow as they were."""

    settings = "permute_param"
    overwritable = False  # in the old order it is its bottom

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Each axis once."""
        given, count = list(p.order), len(shapes[0])
        if len(set(given)) != len(given) or any(axis >= count for axis in given):
            raise self.error(f"orders the axes {given} of an input with {count} axes", at="permute_param.order")
        self.order = given + [axis for axis in range(count) if axis not in given]

    def forward(self, x: Tensor) -> Tensor:
        """Moved in memory too, as what reads it expects."""
        return x.permute(self.order).contiguous()


class ShuffleChannel(Layer):
    """Channels of `group` groups dealt out in turn (ShuffleNet, Zhang et al., 2018): a b c, d e f -> a d b e c f."""

    settings = "shuffle_channel_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The groups must be equal."""
        self.group = self.positive(p.group, "group")
        if len(shapes[0]) < 2 or shapes[0][1] % self.group:
            raise self.error(
                f"cannot cut the channels of {times(shapes[0])} into {self.group} equal groups",
                at="shuffle_channel_param.group",
            )

    def forward(self, x: Tensor) -> Tensor:
        """One copy."""
        batch, channels, *sides = x.shape
        grouped = x.reshape(batch, self.group, channels // self.group, *sides)
        return grouped.transpose(1, 2).reshape(x.shape)
