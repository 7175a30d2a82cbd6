"""Layers that divide by what is around: local response, mean and variance, length (catalogue 1.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from gradus.nets.caffe.layers.base import Layer, Shape, Use, constant, wide

ACROSS_CHANNELS = 0  # LRNParameter.NormRegion


def _window_sum(x: Tensor, size: int) -> Tensor:
    """The sum over `size` neighbouring channels around each.

    bfloat16 (and wide windows) go through a 1x1 convolution with a band of ones, which accumulates in float32;
    float32 adds shifted copies, which no TF32 setting can round. Both are two to four times as fast on a CPU
    as the 3-D pooling of F.local_response_norm.
    """
    channels, reach = x.shape[1], (size - 1) // 2
    if x.dtype == torch.bfloat16 or reach > 4:
        i = torch.arange(channels, device=x.device)
        band = ((i[:, None] - i[None, :]).abs() <= reach).to(x.dtype)
        return F.conv2d(x.flatten(2).unsqueeze(3) if x.dim() != 4 else x, band[:, :, None, None]).view_as(x)
    total = x.clone()
    for shift in range(1, min(reach, channels - 1) + 1):
        total[:, shift:] += x[:, :-shift]
        total[:, :-shift] += x[:, shift:]
    return total


def _falling_power(x: Tensor, beta: float) -> Tensor:
    """x ^ -beta; the beta of all known networks without a logarithm."""
    if beta == 0.75:
        root = x.rsqrt()
        return root * root.sqrt()
    return x.rsqrt() if beta == 0.5 else x.pow(-beta)


class AcrossChannels(torch.autograd.Function):
    """y = x * s^-beta with s = k + alpha/size * (sum of squares over neighbouring channels).

    dx = dy * s^-beta - 2 * alpha * beta / size * x * (sum over neighbours of dy * y / s).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        """Keeps x, s and s^-beta for backward, the two in x's own precision."""
        wide = x.dtype if x.dtype == torch.float64 else torch.float32
        s = _window_sum(x * x, size).to(wide).mul_(alpha / size).add_(k)
        q = _falling_power(s, beta).to(x.dtype)
        ctx.save_for_backward(x, s.to(x.dtype), q)
        ctx.numbers = size, 2 * alpha * beta / size
        return x * q

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """One more window sum."""
        x, s, q = ctx.saved_tensors
        size, factor = ctx.numbers
        direct = dy * q
        around = _window_sum(direct * x / s, size)
        return direct.sub_(around.mul_(x), alpha=factor), None, None, None, None


class LRN(Layer):
    """Divides each value by the activity around it, in the neighbouring channels or in its own channel."""

    keeps_shape = True
    settings = "lrn_param"
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The window must have a middle."""
        self.size = self.positive(p.local_size, "local_size")
        if self.size % 2 == 0:
            raise self.error(f"needs an odd local_size, not {self.size}", at="lrn_param.local_size")
        self.alpha, self.beta, self.k = p.alpha, p.beta, p.k
        self.across = p.norm_region == ACROSS_CHANNELS

    def forward(self, x: Tensor) -> Tensor:
        """Across channels."""
        y: Tensor = AcrossChannels.apply(x, self.size, self.alpha, self.beta, self.k)
        return y

    def within(self, x: Tensor) -> Tensor:
        """Within each channel; the divisor counts the padding and k is always 1."""
        mean = F.avg_pool2d(x * x, self.size, 1, (self.size - 1) // 2, count_include_pad=True)
        return x * _falling_power(mean * self.alpha + 1, self.beta)

    def step(self, use: Use) -> Callable[..., Any]:
        """The region decides."""
        return self.forward if self.across else self.within


class MVN(Layer):
    """Makes the mean of each channel (or of the whole picture) 0, and its standard deviation 1."""

    settings = "mvn_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Statistics run over all axes after the channels, or over these too."""
        self.first = 1 if p.across_channels else 2
        if len(shapes[0]) < self.first:
            raise self.error(f"needs an input with at least {self.first} axes, not {len(shapes[0])}", at="bottom")
        self.divide, self.eps = p.normalize_variance, p.eps

    def forward(self, x: Tensor) -> Tensor:
        """(x - mean) / (deviation + eps): eps stands outside the root.

        The derivative of a root at 0 is taken as 0, so that a constant channel gets a finite gradient.
        """
        if x.dim() == self.first:  # each value is a channel of its own
            return x - x
        rows = x.flatten(self.first).to(wide(x.dtype))
        rows = rows - rows.mean(-1, keepdim=True)
        if self.divide:
            variance = rows.square().mean(-1, keepdim=True)
            varies = variance > 0
            rows = rows / (torch.where(varies, variance, 1).sqrt() * varies + self.eps)
        return rows.view(x.shape).to(x.dtype)


class Normalize(Layer):
    """Gives each picture, or each place of it, the length 1, then multiplies by a learned scale."""

    settings = "norm_param"
    weight: Tensor

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One scale for all channels, or one for each."""
        if len(shapes[0]) < 2:
            raise self.error(f"needs an input with at least 2 axes, not {len(shapes[0])}", at="bottom")
        self.axes = tuple(range(1, len(shapes[0]))) if p.across_spatial else (1,)
        self.eps = p.eps
        shape = () if p.channel_shared else (shapes[0][1],)
        self.learn("weight", shape, p.scale_filler if p.HasField("scale_filler") else constant(1.0))
        self.view = () if p.channel_shared else (-1, *[1] * (len(shapes[0]) - 2))

    def forward(self, x: Tensor) -> Tensor:
        """x / sqrt(sum of squares + eps) * scale."""
        values = x.to(wide(x.dtype))
        lengths = (values.square().sum(self.axes, keepdim=True) + self.eps).sqrt()
        scaled: Tensor = values / lengths * self.weight.view(self.view)
        return scaled.to(x.dtype)
