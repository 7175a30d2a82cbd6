"""Layers that work on each value for itself (catalogue 1.5); powers and logarithms are in `power`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, constant


class ReLU(Layer):
    """max(x, 0) + negative_slope * min(x, 0); the gradient at 0 is the slope."""

    keeps_shape = True
    settings = "relu_param"
    overwritable = False  # backward looks at the top's sign

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The slope of the negative side."""
        self.slope = p.negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return F.leaky_relu(x, self.slope) if self.slope else torch.relu(x)

    def step(self, use: Use) -> Callable[..., Any]:
        """In place it may write into its bottom, unless that would hide the sign."""
        if not use.in_place or self.slope < 0:
            return self.forward
        return torch.relu_ if not self.slope else partial(F.leaky_relu_, negative_slope=self.slope)


class PReLU(Layer):
    """ReLU whose negative slope is learned: one for each channel, or one for all."""

    settings = "prelu_param"
    weight: Tensor

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Channels are axis 1; the slopes start at 0.25."""
        if len(shapes[0]) < 2:
            raise self.error("needs an input with channels, at least 2 axes", at="bottom")
        shape = () if p.channel_shared else (shapes[0][1],)
        self.learn("weight", shape, p.filler if p.HasField("filler") else constant(0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Slopes take the precision of the values."""
        return F.prelu(x, self.weight.to(x.dtype))


class ReLU6(Layer):
    """ReLU that ends at 6."""

    keeps_shape = True
    settings = "relu6_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The slope of the negative side."""
        self.slope = p.negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return F.leaky_relu(x, self.slope).clamp(max=6) if self.slope else F.relu6(x)


class ELU(Layer):
    """lambda times: x above 0, alpha * (exp(x) - 1) below. NVIDIA's lambda is 1 elsewhere."""

    keeps_shape = True
    settings = "elu_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The depth of the negative side, and the factor of both (a word of Python's own)."""
        self.alpha, self.scale = p.alpha, getattr(p, "lambda")

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        y = F.elu(x, self.alpha)
        return y if self.scale == 1 else y * self.scale


class Sigmoid(Layer):
    """1 / (1 + exp(-x))."""

    keeps_shape = True
    overwritable = False

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return torch.sigmoid(x)


class TanH(Layer):
    """The hyperbolic tangent."""

    keeps_shape = True
    overwritable = False

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return torch.tanh(x)


class Swish(Layer):
    """x / (1 + exp(-beta * x))."""

    keeps_shape = True
    settings = "swish_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """How steep the gate is."""
        self.beta = p.beta

    def forward(self, x: Tensor) -> Tensor:
        """One pass where beta is 1."""
        return F.silu(x) if self.beta == 1 else x * torch.sigmoid(self.beta * x)


class AbsVal(Layer):
    """The absolute value; its gradient at 0 is 0."""

    keeps_shape = True

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return torch.abs(x)


class BNLL(Layer):
    """log(1 + exp(x)), in the form that does not overflow."""

    keeps_shape = True

    def forward(self, x: Tensor) -> Tensor:
        """Out of place."""
        return F.softplus(x)


class Threshold(Layer):
    """1 where the value is above the threshold, else 0. Nothing is learned through it."""

    keeps_shape = True
    settings = "threshold_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The value that is not yet above."""
        self.threshold = p.threshold

    def forward(self, x: Tensor) -> Tensor:
        """In the type of the values."""
        return torch.gt(x, self.threshold).to(x.dtype)


class Clip(Layer):
    """The value held between `min` and `max`; the gradient passes within them, the ends included."""

    keeps_shape = True
    settings = "clip_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Both ends must be given."""
        for field in ("min", "max"):
            if not p.HasField(field):
                raise self.error(f"needs a {field}", at="clip_param", hint="For example: clip_param { min: 0 max: 6 }")
        self.least, self.most = p.min, p.max
        if not self.least <= self.most:
            raise self.error(f"has its min {p.min:g} above its max {p.max:g}", at="clip_param.min")

    def forward(self, x: Tensor) -> Tensor:
        """Chosen, not clamped: torch's clamp has no gradient at the ends."""
        return torch.where(x > self.most, self.most, torch.where(x < self.least, self.least, x))
