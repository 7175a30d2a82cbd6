"""A learned blob as a top (catalogue 1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times


class Parameter(Layer):
    """Gives its own blob, which starts as zeros: for example a second bottom of Scale that other layers share."""

    settings = "parameter_param"
    bottoms = (0, 0)
    overwritable = False  # the top is the weight itself
    weight: Tensor

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The shape is in the text."""
        shape = tuple(p.shape.dim)
        if any(d < 1 for d in shape):
            raise self.error(f"has the shape {times(shape)}; sizes are at least 1", at="parameter_param.shape")
        self.learn("weight", shape)

    def forward(self) -> Tensor:
        """The blob."""
        return self.weight
