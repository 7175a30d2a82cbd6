"""Layers that join blobs, cut them and hand them on (catalogue 1.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times

PROD, SUM, MAX = 0, 1, 2  # EltwiseParameter.EltwiseOp


def _either(layer: Layer, p: Any, old: str, dimensions: int) -> int:
    """The axis, from its field or from the older one that only counts from the front."""
    if not p.HasField(old):
        return layer.axis(p.axis, dimensions)
    if p.HasField("axis"):
        raise layer.error(f"has both axis and the old {old}", at=f"{layer.settings}.axis", hint=f"Remove {old}.")
    return layer.axis(getattr(p, old), dimensions, old)


class Concat(Layer):
    """Blobs one after the other along an axis."""

    settings = "concat_param"
    bottoms = (1, None)
    overwritable = False  # of a single bottom it is that bottom

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """All other axes must agree."""
        self.dim = _either(self, p, "concat_dim", len(shapes[0]))
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
    """The sum, product or maximum of blobs of one shape.

    The gradient of a product is always the product of the others: what stable_prod_grad: false asks for, y / x, is the
    same number but where x is 0 and it is none.
    """

    settings = "eltwise_param"
    bottoms = (2, None)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """No broadcasting; coefficients count for sums, are refused for products and overlooked for maxima."""
        if any(shape != shapes[0] for shape in shapes):
            raise self.error(f"needs inputs of one shape, not {' and '.join(map(times, shapes))}", at="bottom")
        self.coefficients = list(p.coeff) or [1.0] * len(shapes)
        if len(self.coefficients) != len(shapes) or (p.coeff and p.operation == PROD):
            raise self.error("takes one coeff for each input, and only with operation: SUM", at="eltwise_param.coeff")
        self.operation = p.operation
        self.overwritable = p.operation == SUM

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


class Axpy(Layer):
    """a * x + y with one a for each channel of each sample (squeeze and excitation, Hu et al., 2018)."""

    bottoms = (3, 3)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """a is (N, C) or (N, C, 1, 1), x and y have one shape (N, C, ...)."""
        a, x, y = shapes
        if x != y or len(x) < 2 or a[:2] != x[:2] or len(a) < 2 or any(side != 1 for side in a[2:]):
            raise self.error(
                f"cannot scale {times(x)} by {times(a)} and add {times(y)}", at="bottom",
                hint="The first input has one value for each channel, the others have one shape.",
            )  # fmt: skip

    def forward(self, a: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """One pass."""
        return torch.addcmul(y, a.reshape(a.shape[:2] + (1,) * (x.dim() - 2)), x)


class Slice(Layer):
    """One blob cut along an axis."""

    settings = "slice_param"
    tops = (1, None)
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """At the given points, or in equal parts."""
        self.dim = _either(self, p, "slice_dim", len(shapes[0]))
        self.points = list(p.slice_point)
        self.sizes(shapes[0][self.dim])

    def sizes(self, size: int) -> list[int]:
        """The parts of an axis; the batch may be another than at setup."""
        count = len(self.definition.message.top)
        if not self.points:
            if size % count:
                raise self.error(f"cannot cut {size} into {count} equal parts", at="slice_param.slice_point")
            return [size // count] * count
        ends = [0, *self.points, size]
        if len(ends) != count + 1 or any(a >= b for a, b in pairwise(ends)):
            raise self.error(f"needs {count - 1} rising slice_point between 0 and {size}", at="slice_param.slice_point")
        return [b - a for a, b in pairwise(ends)]

    def forward(self, x: Tensor) -> Any:
        """Views of the bottom."""
        parts = torch.split(x, self.sizes(x.shape[self.dim]), self.dim)
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
