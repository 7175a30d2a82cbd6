"""Batch normalisation and the learned scale and bias that usually follow it (catalogue 1.3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, constant, times

_Blob = TypeVar("_Blob")
_EPS_OF_CUDNN = 1e-5  # NVIDIA's layer takes no smaller eps


def from_nvidia_015(blobs: Sequence[_Blob]) -> list[_Blob]:
    """Scale, bias, mean, variance, factor (files of NVIDIA 0.15) in our order, which is that of 0.16 and 0.17."""
    scale, bias, mean, variance, factor = blobs
    return [mean, variance, factor, scale, bias]


def to_nvidia_015(blobs: Sequence[_Blob]) -> list[_Blob]:
    """The other way: mean, variance, factor, scale, bias in the order of NVIDIA 0.15."""
    mean, variance, factor, scale, bias = blobs
    return [scale, bias, mean, variance, factor]


class BatchNorm(Layer):
    """Subtracts the mean and divides by the standard deviation of each channel. There are two kinds.

    BVLC's has three blobs: decayed sums of means and variances, and the decayed count to divide them by.
    NVIDIA's (`scale_bias`, `scale_filler` or `bias_filler` is there) learns a scale and a bias as well, and keeps
    plain running averages; its count stays 1. In memory and in files the order is mean, variance, factor, scale,
    bias (but for files of NVIDIA 0.15).
    """

    settings = "batch_norm_param"
    keeps_shape = True
    mean: Tensor
    variance: Tensor
    factor: Tensor
    scale: Tensor | None
    bias: Tensor | None

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Statistics that no solver touches; NVIDIA's scale and bias always learn at the full rate."""
        if not shapes[0]:
            raise self.error("needs an input with at least 1 axis", at="bottom")
        channels = shapes[0][1] if len(shapes[0]) > 1 else 1
        self.flat = len(shapes[0]) == 1
        self.affine = p.scale_bias or p.HasField("scale_filler") or p.HasField("bias_filler")
        # NVIDIA 0.16, which introduced scale_bias, has use_global_stats but lets the phase decide.
        self.given = p.use_global_stats if p.HasField("use_global_stats") and not p.scale_bias else None
        self.keep, self.eps = p.moving_average_fraction, max(p.eps, _EPS_OF_CUDNN) if self.affine else p.eps
        self.learn("mean", (channels,), learned=False)
        self.learn("variance", (channels,), learned=False)
        self.learn("factor", (1,), constant(1.0 if self.affine else 0.0), learned=False)
        if self.affine:
            scale = p.scale_filler if p.HasField("scale_filler") else constant(1.0)
            self.learn("scale", (channels,), scale, rates=(1.0, 1.0))
            self.learn("bias", (channels,), p.bias_filler, rates=(1.0, 1.0))
            self._first: Tensor | None = None  # whether the last batch was the first of all
        else:
            self.scale = self.bias = None
            if any(spec.HasField("lr_mult") and spec.lr_mult for spec in self.definition.message.param):
                raise self.error("has statistics that must not be learned", at="param", hint="Set their lr_mult to 0.")

    def step(self, use: Use) -> Callable[..., Any]:
        """Batch statistics in training, running ones otherwise, unless the text decides."""
        call = self._statistics(use)
        if self.flat:
            return lambda x: call(x.unsqueeze(1), self.scale, self.bias).squeeze(1)
        return (lambda x: call(x, self.scale, self.bias)) if self.affine else call

    def followed_by(self, after: Layer, use: Use) -> Callable[..., Any] | None:
        """A Scale of each channel becomes the scale and bias that torch's operation has: a third of the time."""
        if self.affine or self.flat or not (isinstance(after, Scale) and after.by_channel):
            return None
        call = self._statistics(use)
        return lambda x: call(x, after.weight, after.bias)

    def _statistics(self, use: Use) -> Callable[..., Tensor]:
        running = not use.training if self.given is None else self.given
        return self.forward if running else self.normalise_batch

    def forward(self, x: Tensor, scale: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """With running statistics."""
        if self.affine:
            return F.batch_norm(x, self.mean, self.variance, scale, bias, eps=self.eps)
        count = torch.where(self.factor > 0, self.factor.reciprocal(), self.factor)
        return F.batch_norm(x, self.mean * count, self.variance * count, scale, bias, eps=self.eps)

    def normalise_batch(self, x: Tensor, scale: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """With the batch's own statistics, which are added to the running ones."""
        mean, variance = torch.zeros_like(self.mean), torch.zeros_like(self.variance)
        m = x.numel() // mean.numel()
        if m == 1:  # nothing varies; torch's operation refuses it
            y = F.batch_norm(x - x, mean.clone(), variance, scale, bias, eps=self.eps)
            mean.copy_(x.detach().reshape(-1))
        else:
            # With a momentum of 1 the operation hands out what it measured: the variance as m / (m - 1) of the biased.
            y = torch.batch_norm(x, scale, bias, mean, variance, True, 1.0, self.eps, torch.backends.cudnn.enabled)
        with torch.no_grad():
            (self._average if self.affine else self._sum)(mean, variance, m)
        return y

    def _sum(self, mean: Tensor, variance: Tensor, m: int) -> None:
        """BVLC: everything kept decays, the new is added in full, its variance unbiased."""
        self.factor.mul_(self.keep).add_(1)
        torch.add(mean, self.mean, alpha=self.keep, out=self.mean)
        torch.add(variance, self.variance, alpha=self.keep, out=self.variance)

    def _average(self, mean: Tensor, variance: Tensor, m: int) -> None:
        """NVIDIA: the first two batches replace what was kept, later ones are averaged in, the variance biased.

        Statistics that are not all 0 were loaded: no batch replaces them, so that a training can go on.
        """
        if mean.is_meta:
            return
        first = (self.variance == 0).all()
        replace = first if self._first is None else first | self._first.to(first.device)
        share = torch.where(replace, 1.0, 1.0 - self.keep).to(mean.dtype)
        self._first = first
        self.mean.lerp_(mean, share)
        self.variance.lerp_(variance * ((m - 1) / m), share)


class Scale(Layer):
    """Multiplies by a learned blob (or by the second bottom), and may add a learned bias."""

    settings = "scale_param"
    weight: Tensor
    bias: Tensor | None
    bottoms = (1, 2)
    additive = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The factor covers the bottom's axes from `axis`, as many as it has itself or `num_axes` says."""
        shape = shapes[0]
        count = len(shapes[1]) if len(shapes) == 2 else p.num_axes
        first = 0 if count == 0 else self.axis(p.axis, len(shape))
        count = len(shape) - first if count == -1 else count
        if count < 0 or first + count > len(shape):
            raise self.error(
                f"covers {count} axes from axis {first}, and its input is {times(shape)}",
                at=f"{self.settings}.num_axes",
            )
        covered = shape[first : first + count]
        if len(shapes) == 2 and shapes[1] != covered:
            raise self.error(
                f"has a factor of {times(shapes[1])} that does not fit its input of {times(shape)}", at="bottom"
            )
        self.after = (1,) * (len(shape) - first - count)
        self.by_channel = len(shapes) == 1 and (first, count) == (1, 1) and not self.additive
        if len(shapes) == 1:
            self.learn("weight", covered, p.filler if self.additive or p.HasField("filler") else constant(1.0))
        if not self.additive and p.bias_term:
            self.learn("bias", covered, p.bias_filler)
        else:
            self.bias = None

    def over(self, blob: Tensor, x: Tensor) -> Tensor:
        """A blob so that it broadcasts over `x`, in the type of `x`: float32 weights keep bfloat16 as it is."""
        return blob.reshape(blob.shape + self.after).to(x.dtype)

    def forward(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """Broadcast over the other axes."""
        factor = self.over(self.weight if factor is None else factor, x)
        return x * factor if self.bias is None else torch.addcmul(self.over(self.bias, x), x, factor)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """One for each value."""
        return math.prod(tops[0])


class Bias(Scale):
    """Adds a learned blob, or the second bottom."""

    settings = "bias_param"
    additive = True

    def forward(self, x: Tensor, addend: Tensor | None = None) -> Tensor:
        """Broadcast over the other axes."""
        return x + self.over(self.weight if addend is None else addend, x)
