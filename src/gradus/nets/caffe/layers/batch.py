"""Batch normalisation and the learned scale and bias that usually follow it (catalogue 1.3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, constant, times


class BatchNorm(Layer):
    """Subtracts the mean and divides by the standard deviation of each channel.

    Running sums are kept as Caffe does: decayed sums and the decayed count that they are divided by.
    """

    settings = "batch_norm_param"
    mean: Tensor
    variance: Tensor
    factor: Tensor

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Three blobs that no solver touches."""
        if any(spec.HasField("lr_mult") and spec.lr_mult for spec in self.definition.message.param):
            raise self.error("keeps statistics that must not be learned", at="param", hint="Set their lr_mult to 0.")
        channels = shapes[0][1] if len(shapes[0]) > 1 else 1
        self.given = p.use_global_stats if p.HasField("use_global_stats") else None
        self.keep, self.eps = p.moving_average_fraction, p.eps
        for name, shape in (("mean", (channels,)), ("variance", (channels,)), ("factor", (1,))):
            self.learn(name, shape, learned=False)

    def step(self, use: Use) -> Callable[..., Any]:
        """Batch statistics in training, running ones otherwise, unless the text decides."""
        running = not use.training if self.given is None else self.given
        return self.forward if running else self.normalise_batch

    def forward(self, x: Tensor) -> Tensor:
        """With running statistics."""
        count = torch.where(self.factor > 0, self.factor.reciprocal(), self.factor)
        return F.batch_norm(x, self.mean * count, self.variance * count, eps=self.eps)

    def normalise_batch(self, x: Tensor) -> Tensor:
        """With the batch's own statistics, which are added to the running ones."""
        with torch.no_grad():
            axes = [i for i in range(x.dim()) if i != 1]
            values = x.detach().float()
            variance, mean = torch.var_mean(values, axes, correction=0)
            m = values.numel() // max(1, mean.numel())
            self.factor.mul_(self.keep).add_(1)
            self.mean.mul_(self.keep).add_(mean)
            self.variance.mul_(self.keep).add_(variance, alpha=m / (m - 1) if m > 1 else 1.0)
        return F.batch_norm(x, None, None, training=True, eps=self.eps)


class Scale(Layer):
    """Multiplies by a learned blob (or by the second bottom), and may add a learned bias."""

    settings = "scale_param"
    weight: Tensor
    bias: Tensor | None
    bottoms = (1, 2)
    additive = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The blob covers the bottom's axes from `axis`, `num_axes` of them."""
        shape = shapes[0]
        first = self.axis(p.axis, len(shape)) if shape else 0
        if len(shapes) == 2:
            covered = shapes[1]
        else:
            covered = shape[first:] if p.num_axes == -1 else shape[first : first + p.num_axes]
        if shape[first : first + len(covered)] != covered:
            raise self.error(
                f"has a factor of {times(covered)} that does not fit its input of {times(shape)}", at="bottom"
            )
        self.view = (*covered, *[1] * (len(shape) - first - len(covered)))
        if len(shapes) == 1:
            self.learn("weight", covered, p.filler if self.additive or p.HasField("filler") else constant(1.0))
        self.bias = None
        if not self.additive and p.bias_term:
            self.learn_bias(covered, p)

    def learn_bias(self, shape: Shape, p: Any) -> None:
        """Replace the absent bias by a learned one."""
        del self.bias
        self.learn("bias", shape, p.bias_filler)

    def forward(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """Broadcast over the other axes."""
        y = x * (self.weight if factor is None else factor).view(self.view)
        return y if self.bias is None else y + self.bias.view(self.view)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """One for each value."""
        return math.prod(tops[0])


class Bias(Scale):
    """Adds a learned blob, or the second bottom."""

    settings = "bias_param"
    additive = True

    def forward(self, x: Tensor, addend: Tensor | None = None) -> Tensor:
        """Broadcast over the other axes."""
        return x + (self.weight if addend is None else addend).view(self.view)
