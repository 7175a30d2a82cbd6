"""Layers that join, cut and reshape blobs (catalogue 1.6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times

PROD, SUM, MAX = 0, 1, 2  # EltwiseParameter.EltwiseOp


class Concat(Layer):
    """Blobs one after the other along an axis."""

    settings = "concat_param"
    bottoms = (1, None)
    overwritable = False  # of a single bottom it is that bottom

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """All other axes must agree."""
        if p.HasField("axis") and p.HasField("concat_dim"):
            raise self.error("has both axis and the old concat_dim", at="concat_param.axis")
        self.dim = self.axis(p.concat_dim if p.HasField("concat_dim") else p.axis, len(shapes[0]))
        for name, shape in zip(self.definition.message.bottom, shapes, strict=True):
            if len(shape) != len(shapes[0]) or any(
                a != b for i, (a, b) in enumerate(zip(shape, shapes[0], strict=True)) if i != self.dim
            ):
                raise self.error(
                    f'cannot join "{name}" of {times(shape)} to "{self.definition.message.bottom[0]}" of'
                    f" {times(shapes[0])} along axis {self.dim}",
                    at="bottom", hint="All sizes but the one that is joined must be the same.",
                )  # fmt: skip

    def forward(self, *xs: Tensor) -> Tensor:
        """One copy."""
        return torch.cat(xs, self.dim) if len(xs) > 1 else xs[0]


class Eltwise(Layer):
    """The sum, product or maximum of blobs of one shape."""

    settings = "eltwise_param"
    bottoms = (2, None)
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """No broadcasting; coefficients only for sums."""
        if any(shape != shapes[0] for shape in shapes):
            raise self.error(f"needs inputs of one shape, not {' and '.join(map(times, shapes))}", at="bottom")
        self.coefficients = list(p.coeff) or [1.0] * len(shapes)
        if len(self.coefficients) != len(shapes) or (p.coeff and p.operation != SUM):
            raise self.error("takes one coeff for each input, and only with operation: SUM", at="eltwise_param.coeff")
        self.operation = p.operation

    def forward(self, *xs: Tensor) -> Tensor:
        """From left to right. In a tie of the maximum the later one of the first pair gets the gradient."""
        if self.operation == SUM:
            total = xs[0] if self.coefficients[0] == 1 else xs[0] * self.coefficients[0]
            for x, factor in zip(xs[1:], self.coefficients[1:], strict=True):
                total = torch.add(total, x, alpha=factor)
            return total
        result = xs[0]
        for i, x in enumerate(xs[1:]):
            if self.operation == PROD:
                result = result * x
            else:
                result = torch.where(result > x if i == 0 else result >= x, result, x)
        return result


class Slice(Layer):
    """One blob cut along an axis."""

    settings = "slice_param"
    tops = (1, None)
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """At the given points, or in equal parts."""
        self.dim = self.axis(p.slice_dim if p.HasField("slice_dim") else p.axis, len(shapes[0]))
        size, count = shapes[0][self.dim], len(self.definition.message.top)
        points = list(p.slice_point)
        if not points:
            if size % count:
                raise self.error(f"cannot cut {size} into {count} equal parts", at="slice_param.slice_point")
            points = [size // count * i for i in range(1, count)]
        ends = [0, *points, size]
        if len(points) != count - 1 or any(a >= b for a, b in pairwise(ends)):
            raise self.error(f"needs {count - 1} rising slice_point between 0 and {size}", at="slice_param.slice_point")
        self.sizes = [b - a for a, b in pairwise(ends)]

    def forward(self, x: Tensor) -> Any:
        """Views of the bottom."""
        parts = torch.split(x, self.sizes, self.dim)
        return parts if len(parts) > 1 else parts[0]


class Split(Layer):
    """The same blob under several names."""

    tops = (1, None)
    overwritable = False

    def step(self, use: Use) -> Callable[..., Any]:
        """No copy: nothing overwrites what others read."""
        count = len(self.definition.message.top)
        return (lambda x: x) if count == 1 else lambda x: (x,) * count


class Silence(Layer):
    """Takes blobs so that they do not count as outputs."""

    bottoms = (1, None)
    tops = (0, 0)

    def forward(self, *xs: Tensor) -> tuple[()]:
        """Nothing."""
        return ()


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
        """Only the axes from `axis`, `num_axes` of them, are replaced."""
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
        middle = [shape[first + i] if d == 0 else d for i, d in enumerate(wanted)]
        # The batch stays symbolic where it is copied: the last batch of an epoch may be smaller.
        self.batch_copied = first > 0 or (bool(wanted) and wanted[0] == 0)
        known = math.prod(d for d in middle if d != -1) * math.prod(shape[:first]) * math.prod(shape[last:])
        total = math.prod(shape)
        if (-1 in middle and (known == 0 or total % known)) or (-1 not in middle and known != total):
            raise self.error(
                f"cannot give its input of {times(shape)} the shape {wanted}: {total:,} values do not fit",
                at="reshape_param.shape",
            )
        middle = [total // known if d == -1 else d for d in middle]
        self.shape = (*shape[:first], *middle, *shape[last:])

    def forward(self, x: Tensor) -> Tensor:
        """A view where memory allows it."""
        return x.reshape(x.shape[0], *self.shape[1:]) if self.batch_copied else x.reshape(self.shape)
