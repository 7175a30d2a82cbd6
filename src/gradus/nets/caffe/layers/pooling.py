"""Pooling (catalogue 1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times

MAX, AVE = 0, 1  # PoolingParameter.PoolMethod
CEIL = 0  # PoolingParameter.RoundMode
_LOWEST = torch.finfo(torch.float32).min  # what a window without any value gives


class Pooling(Layer):
    """The maximum or the mean of each window. Sizes round up, then a window that starts past the end is dropped."""

    settings = "pooling_param"
    tops = (1, 2)
    divisor: Tensor
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Windows, and whether torch's own rule gives Caffe's sizes for them."""
        if p.pool not in (MAX, AVE):
            raise self.error("pools STOCHASTIC, which is not supported yet", at="pooling_param.pool")
        self.count = len(self.definition.message.top)
        if self.count == 2 and p.pool != MAX:
            raise self.error("gives a second top (the mask) only with pool: MAX", at="top")
        size = shapes[0][2:]
        self.overall = p.global_pooling
        self.kernel, self.stride, self.pad = self.windows(p, size)
        self.mean = p.pool == AVE
        self.out = self.output_size(size, floor=p.round_mode != CEIL)
        # torch's sizes agree unless a window may lie wholly past the end; its kernels want 2 * pad <= kernel.
        plain = all(k >= s and 2 * q <= k for k, s, q in zip(self.kernel, self.stride, self.pad, strict=True))
        self.plain = plain and p.round_mode == CEIL
        # What must be added right and below so that a floor rule gives Caffe's windows.
        self.extra = [
            max(0, (o - 1) * s + k - n - q)
            for o, s, k, n, q in zip(self.out, self.stride, self.kernel, size, self.pad, strict=True)
        ]
        if not self.plain and self.mean:
            self.register_buffer("divisor", self.window_sizes(size), persistent=False)

    def windows(self, p: Any, size: Shape) -> tuple[Shape, Shape, Shape]:
        """Kernel, stride and pad as (height, width)."""
        if p.global_pooling:
            if any(p.HasField(f) for f in ("kernel_size", "kernel_h", "kernel_w")):
                raise self.error("has both global_pooling and a kernel", at="pooling_param.global_pooling")
            return size, (1, 1), (0, 0)
        kernel = self.pair(p, "kernel", "kernel_size")
        stride = self.pair(p, "stride", "stride")
        pad = self.pair(p, "pad", "pad")
        for value in kernel:
            self.positive(value, "kernel_size")
        for value in stride:
            self.positive(value, "stride")
        if any(q >= k for q, k in zip(pad, kernel, strict=True)):
            raise self.error(
                f"has padding {times(pad)}, which must be less than its kernel {times(kernel)}", at="pooling_param.pad"
            )
        return kernel, stride, pad

    def pair(self, p: Any, name: str, field: str) -> Shape:
        """A setting as (height, width), from the one field or the two."""
        high, wide = f"{name}_h", f"{name}_w"
        if p.HasField(high) or p.HasField(wide):
            if p.HasField(field) or not (p.HasField(high) and p.HasField(wide)):
                raise self.error(f"needs either {field}, or both {high} and {wide}", at=f"pooling_param.{field}")
            return getattr(p, high), getattr(p, wide)
        return getattr(p, field), getattr(p, field)

    def output_size(self, size: Shape, *, floor: bool) -> Shape:
        """Caffe's rule: round, then drop a last window that starts at or past the end of image and padding."""
        out = []
        for n, k, s, q in zip(size, self.kernel, self.stride, self.pad, strict=True):
            span = n + 2 * q - k
            o = (span // s if floor else -(-span // s)) + 1
            if any(self.pad) and (o - 1) * s >= n + q:
                o -= 1
            if o < 1:
                raise self.error(
                    f"has a kernel of {times(self.kernel)}, too large for its input of {times(size)}",
                    at="pooling_param.kernel_size", hint="Use larger pictures or a smaller kernel.",
                )  # fmt: skip
            out.append(o)
        return tuple(out)

    def window_sizes(self, size: Shape) -> Tensor:
        """How many cells each window counts: padding counts, what lies past it does not."""
        sides = [
            torch.tensor([max(1, min(i * s - q + k, n + q) - (i * s - q)) for i in range(o)], dtype=torch.float32)
            for o, s, q, k, n in zip(self.out, self.stride, self.pad, self.kernel, size, strict=True)
        ]
        return torch.outer(sides[0], sides[1])

    def step(self, use: Use) -> Callable[..., Any]:
        """The shortest of the exact ways."""
        if self.count == 2:
            return self.with_mask
        if self.overall:
            return self.overall_mean if self.mean else self.overall_maximum
        return self.forward

    def forward(self, x: Tensor) -> Tensor:
        """One torch operation where its sizes are Caffe's, else padding by hand first."""
        if self.plain:
            if self.mean:
                return F.avg_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=True, count_include_pad=True)
            return F.max_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=True)
        if self.mean:
            total = F.avg_pool2d(self.padded(x, 0.0), self.kernel, self.stride, divisor_override=1)
            return total / self.divisor.to(total.device)
        return F.max_pool2d(self.padded(x, _LOWEST), self.kernel, self.stride)

    def padded(self, x: Tensor, value: float) -> Tensor:
        """Padding written out, and cut where a floor rule would find a window too many."""
        (top, left), (below, right) = self.pad, self.extra
        wide = F.pad(x, (left, right, top, below), value=value)
        reach = [(o - 1) * s + k for o, s, k in zip(self.out, self.stride, self.kernel, strict=True)]
        return wide[:, :, : reach[0], : reach[1]]

    def overall_mean(self, x: Tensor) -> Tensor:
        """The mean of each whole channel."""
        return F.adaptive_avg_pool2d(x, 1)

    def overall_maximum(self, x: Tensor) -> Tensor:
        """The maximum of each whole channel."""
        return F.adaptive_max_pool2d(x, 1)

    def with_mask(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The maxima and where they lie in their channel, as numbers."""
        if self.plain:
            top, index = F.max_pool2d(
                x, self.kernel, self.stride, self.pad, ceil_mode=True, return_indices=True
            )  # fmt: skip
            return top, index.to(x.dtype)
        wide = self.padded(x, _LOWEST)
        top, index = F.max_pool2d(wide, self.kernel, self.stride, return_indices=True)
        row = torch.div(index, wide.shape[3], rounding_mode="floor") - self.pad[0]
        column = index % wide.shape[3] - self.pad[1]
        return top, (row * x.shape[3] + column).to(x.dtype)
