"""Pooling (catalogue 1.2), and pyramids of it (1.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times
from gradus.nets.caffe.layers.windows import Windows

MAX, AVE, STOCHASTIC = 0, 1, 2  # PoolingParameter.PoolMethod, SPPParameter.PoolMethod
FLOOR = 1  # PoolingParameter.RoundMode


def _pool(windows: Windows, kind: int, use: Use) -> Callable[[Tensor], Tensor]:
    """What a pooling method does with windows; STOCHASTIC draws in training only."""
    stochastic = windows.sampled if use.training else windows.weighted
    return {MAX: windows.maximum, AVE: windows.mean, STOCHASTIC: stochastic}[kind]


class Pooling(Layer):
    """The maximum, the mean or a random value of each window.

    Sizes round up (convolution's down), then a window that starts past the end is dropped. A second top of MAX
    says where each maximum lies.
    """

    settings = "pooling_param"
    tops = (1, 2)
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The windows over pictures of this size."""
        self.kind = p.pool
        self.places = len(self.definition.message.top) == 2
        if self.places and p.pool != MAX:
            raise self.error("gives a second top (the mask) only with pool: MAX", at="top")
        size = shapes[0][2:]
        self.overall = p.global_pooling
        kernel, stride, pad = self.settle(p, size)
        self.windows = Windows(size, kernel, stride, pad, floor=p.round_mode == FLOOR or not p.ceil_mode)
        if min(self.windows.out) < 1:
            raise self.error(
                f"has a kernel of {times(kernel)}, too large for its input of {times(size)}",
                at="pooling_param.kernel_size", hint="Use larger pictures or a smaller kernel.",
            )  # fmt: skip

    def settle(self, p: Any, size: Shape) -> tuple[Shape, Shape, Shape]:
        """Kernel, stride and pad as (height, width)."""
        stride, pad = self.pair(p, "stride", "stride"), self.pair(p, "pad", "pad")
        if p.global_pooling:
            if any(p.HasField(f) for f in ("kernel_size", "kernel_h", "kernel_w")):
                raise self.error("has both global_pooling and a kernel", at="pooling_param.global_pooling")
            if stride != (1, 1) or pad != (0, 0):
                raise self.error("has global_pooling, and a stride or a pad", at="pooling_param.global_pooling")
            return size, stride, pad
        kernel = self.pair(p, "kernel", "kernel_size")
        for values, field in ((kernel, "kernel_size"), (stride, "stride")):
            for value in values:
                self.positive(value, field)
        if p.pool == STOCHASTIC and any(pad):
            raise self.error("pools STOCHASTIC, which takes no padding", at="pooling_param.pad")
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

    def step(self, use: Use) -> Callable[..., Any]:
        """The shortest of the exact ways."""
        if self.places:
            return self.windows.maximum_and_place
        if self.overall and self.kind == MAX:
            return lambda x: F.adaptive_max_pool2d(x, 1)
        if self.overall and self.kind == AVE:
            return lambda x: F.adaptive_avg_pool2d(x, 1)
        return _pool(self.windows, self.kind, use)


class SPP(Layer):
    """A pyramid of poolings: level l cuts the picture in 2^l x 2^l parts; all parts become one list of values.

    A pyramid of one level is a plain pooling and keeps its four axes.
    """

    settings = "spp_param"
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The windows of each level: as large as needed, padded to cover the picture."""
        height = self.positive(p.pyramid_height, "pyramid_height")
        self.kind, size = p.pool, shapes[0][2:]
        self.levels = [self.level(size, 2**i) for i in range(min(height, 32))]

    def level(self, size: Shape, bins: int) -> Windows:
        """Kernel and stride ceil(size / bins), pad half of what these are too long, rounded up."""
        kernel = tuple(-(-n // bins) for n in size)
        pad = tuple((k * bins - n + 1) // 2 for k, n in zip(kernel, size, strict=True))
        if any(q >= k for q, k in zip(pad, kernel, strict=True)):
            raise self.error(
                f"cannot cut its input of {times(size)} into {bins}x{bins} parts",
                at="spp_param.pyramid_height", hint="Use a lower pyramid, or larger pictures.",
            )  # fmt: skip
        if self.kind == STOCHASTIC and any(pad):
            raise self.error(
                f"pools STOCHASTIC, which takes no padding, and {times(size)} needs some for {bins}x{bins} parts",
                at="spp_param.pool",
            )
        return Windows(size, kernel, kernel, pad)

    def step(self, use: Use) -> Callable[..., Any]:
        """All levels, joined along the channels."""
        pools = [_pool(windows, self.kind, use) for windows in self.levels]
        if len(pools) == 1:
            return pools[0]
        return lambda x: torch.cat([pool(x).flatten(1) for pool in pools], 1)
