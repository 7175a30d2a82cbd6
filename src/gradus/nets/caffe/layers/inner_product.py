"""Fully connected and embedding layers (catalogue 1.4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use


def needed(layer: Layer, p: Any, field: str) -> int:
    """A number of outputs or inputs, which has no default."""
    if not p.HasField(field):
        raise layer.error(f"needs {field}", at=layer.settings, hint=f"For example: {field}: 10")
    return layer.positive(getattr(p, field), field)


class InnerProduct(Layer):
    """Every output sees every input after `axis`."""

    settings = "inner_product_param"
    weight: Tensor
    bias: Tensor | None

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The weight is (outputs, inputs), or (inputs, outputs) with `transpose`."""
        outputs = needed(self, p, "num_output")
        self.first = self.axis(p.axis, len(shapes[0]))
        inputs = math.prod(shapes[0][self.first :])
        self.transposed = p.transpose
        shape = (inputs, outputs) if p.transpose else (outputs, inputs)
        self.learn("weight", shape, p.weight_filler)
        if p.bias_term:
            self.learn("bias", (outputs,), p.bias_filler)
        else:
            self.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """Flatten from `axis` on, then one matrix product."""
        weight = self.weight.t() if self.transposed else self.weight
        return F.linear(x.flatten(self.first), weight, self.bias)

    def exact(self, x: Tensor) -> Tensor:
        """The same in the weights' own precision: bfloat16 scores tie, and ties count as errors."""
        if not torch.is_autocast_enabled(x.device.type):
            return self.forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return self.forward(x.to(self.weight.dtype))

    def step(self, use: Use) -> Callable[..., Any]:
        """Scores are computed without autocast."""
        return self.exact if use.exact else self.forward

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """Each output value is a dot product with all inputs."""
        return math.prod(tops[0]) * math.prod(bottoms[0][self.first :])


class Embed(Layer):
    """Looks up a learned vector for each index; indices are numbers whose fraction is cut off."""

    settings = "embed_param"
    weight: Tensor
    bias: Tensor | None

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One row of the weight for each of `input_dim` indices."""
        outputs, inputs = needed(self, p, "num_output"), needed(self, p, "input_dim")
        self.learn("weight", (inputs, outputs), p.weight_filler)
        if p.bias_term:
            self.learn("bias", (outputs,), p.bias_filler)
        else:
            self.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """The vectors become a last axis; no gradient flows to the indices."""
        y = F.embedding(x.long(), self.weight)
        return y if self.bias is None else y + self.bias
