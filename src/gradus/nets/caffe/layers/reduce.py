"""Layers that make one number, or the best few, of many (catalogue 1.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape
from gradus.nets.caffe.layers.loss import precise

MEAN = 4  # ReductionParameter.ReductionOp, as are the keys of TOTALS
TOTALS: dict[int, Callable[[Tensor], Tensor]] = {
    1: lambda rows: rows.sum(-1),  # SUM
    2: lambda rows: rows.abs().sum(-1),  # ASUM
    3: lambda rows: rows.square().sum(-1),  # SUMSQ
    MEAN: lambda rows: rows.mean(-1),
}


class Reduction(Layer):
    """The sum, the sum of magnitudes or squares, or the mean over all axes from `axis` on, times `coeff`."""

    settings = "reduction_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """From axis 0 on there remains a number without axes."""
        self.dim = self.axis(p.axis, len(shapes[0]))
        self.total, self.factor = TOTALS[p.operation], p.coeff

    def forward(self, x: Tensor) -> Tensor:
        """In float32: it often is a loss."""
        result = self.total(precise(x).flatten(self.dim))
        return result if self.factor == 1 else result * self.factor


class ArgMax(Layer):
    """Where the `top_k` largest values are, and what they are. Of equal values the last comes first.

    Without `axis` over all values of a sample: (N, 1, k, ...) places, or (N, 2, k, ...) places and values with
    out_max_val. With it, along that axis: places, or with out_max_val the values in their stead.
    """

    settings = "argmax_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """There must be as many values as are asked for."""
        shape = shapes[0]
        self.dim = self.axis(p.axis, len(shape)) if p.HasField("axis") else None
        self.count, self.values = self.positive(p.top_k, "top_k"), p.out_max_val
        size = shape[self.dim] if self.dim is not None else torch.Size(shape[1:]).numel()
        if self.count > size:
            raise self.error(f"asks for the best {self.count} of {size} values", at="argmax_param.top_k")

    def best(self, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """The largest values along an axis, and their places as numbers of the same type."""
        turned = x.flip(dim)  # the first of equals, turned around, is the last
        if self.count == 1:
            values, places = turned.max(dim, keepdim=True)
        else:
            values, places = turned.sort(dim=dim, descending=True, stable=True)
            values, places = values.narrow(dim, 0, self.count), places.narrow(dim, 0, self.count)
        return values, (x.shape[dim] - 1 - places).to(x.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """In float32, which holds every place up to 2^24. Nothing is learned through it."""
        x = precise(x.detach())
        if self.dim is not None:
            return self.best(x, self.dim)[not self.values]
        values, places = self.best(x.flatten(1), 1)
        found = torch.stack((places, values), 1) if self.values else places.unsqueeze(1)
        return found.reshape(*found.shape, *(1,) * (x.dim() - 3))
