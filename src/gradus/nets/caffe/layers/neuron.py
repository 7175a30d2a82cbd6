"""Layers that work on each value for itself (catalogue 1.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use


class ReLU(Layer):
    """max(x, 0) + negative_slope * min(x, 0)."""

    settings = "relu_param"
    overwritable = False  # backward looks at the top's sign

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The slope of the negative side."""
        self.slope = p.negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return F.leaky_relu(x, self.slope) if self.slope else torch.relu(x)

    def step(self, use: Use) -> Callable[..., Any]:
        """Plain ReLU may write into its bottom."""
        return torch.relu_ if use.in_place and not self.slope else self.forward


class ELU(Layer):
    """x above 0, alpha * (exp(x) - 1) below."""

    settings = "elu_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The depth of the negative side."""
        self.alpha = p.alpha

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return F.elu(x, self.alpha)


class Sigmoid(Layer):
    """1 / (1 + exp(-x))."""

    overwritable = False

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return torch.sigmoid(x)


class TanH(Layer):
    """The hyperbolic tangent."""

    overwritable = False

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return torch.tanh(x)


class AbsVal(Layer):
    """The absolute value."""

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return torch.abs(x)


class BNLL(Layer):
    """log(1 + exp(x)), in the form that does not overflow."""

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return F.softplus(x)


class Power(Layer):
    """(shift + scale * x) ^ power."""

    settings = "power_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """With power or scale 0 the result does not depend on x."""
        self.power, self.scale, self.shift = p.power, p.scale, p.shift

    def forward(self, x: Tensor) -> Tensor:
        """As few passes over the data as the settings allow."""
        if self.power * self.scale == 0:
            return torch.full_like(x, 1.0 if self.power == 0 else self.shift**self.power)
        if self.scale != 1:
            x = x * self.scale
        if self.shift:
            x = x + self.shift
        return x if self.power == 1 else x**self.power


class Dropout(Layer):
    """In training zeros each value with a probability and scales up the rest; otherwise nothing."""

    settings = "dropout_param"
    overwritable = False  # outside training the top is the bottom itself

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The share that is dropped, 0 up to but not including 1."""
        if not 0 <= p.dropout_ratio < 1:
            raise self.error("needs a dropout_ratio from 0 to less than 1", at="dropout_param.dropout_ratio")
        self.ratio = p.dropout_ratio

    def forward(self, x: Tensor) -> Tensor:
        """As in training."""
        return F.dropout(x, self.ratio, training=True)

    def step(self, use: Use) -> Callable[..., Any]:
        """Caffe's phase decides, not the module's mode."""
        return self.forward if use.training and self.ratio else _same


def _same(x: Tensor) -> Tensor:
    return x
