"""Convolutions (catalogue 1.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class Convolution(Layer):
    """Cross-correlation with learned kernels; sizes round down (pooling's round up)."""

    settings = "convolution_param"
    weight: Tensor
    bias: Tensor | None
    bottoms = (1, None)
    tops = (1, None)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Kernel, stride, pad and dilation for each spatial axis, and the weight's shape."""
        shape = shapes[0]
        axis = self.axis(p.axis, len(shape))
        spatial = shape[axis + 1 :]
        if axis != 1 or len(spatial) not in _CONVOLUTIONS:
            raise self.error(
                f"works on 1 to 3 spatial axes after axis 1; its input is {times(shape)}", at="convolution_param.axis"
            )
        if any(other[1] != shape[1] for other in shapes):
            raise self.error("needs the same number of channels in all its inputs", at="bottom")
        count = len(spatial)
        self.kernel = self.sizes(p, "kernel", count, None)
        self.stride = self.sizes(p, "stride", count, 1)
        self.pad = self.sizes(p, "pad", count, 0)
        self.dilation = self.sizes(p, "dilation", count, 1)
        for name in ("kernel", "stride", "dilation"):
            for value in getattr(self, name):
                self.positive(value, "kernel_size" if name == "kernel" else name)
        self.group = self.positive(p.group, "group")
        outputs = self.positive(p.num_output, "num_output")
        if shape[1] % self.group or outputs % self.group:
            raise self.error(
                f"cannot split {shape[1]} inputs and {outputs} outputs into {self.group} groups",
                at="convolution_param.group",
            )
        self.fit(spatial)
        self.learn("weight", self.weight_shape(shape[1], outputs), p.weight_filler)
        if p.bias_term:
            self.learn("bias", (outputs,), p.bias_filler)
        else:
            self.bias = None
        self.call = _CONVOLUTIONS[count]

    def sizes(self, p: Any, name: str, count: int, default: int | None) -> tuple[int, ...]:
        """One setting for each spatial axis: given once for all, once each, or as _h and _w."""
        field = "kernel_size" if name == "kernel" else name
        values = list(getattr(p, field))
        pair = (f"{name}_h", f"{name}_w")
        if name != "dilation" and any(p.HasField(side) for side in pair):
            if values or count != 2:
                raise self.error(
                    f"sets {pair[0]} or {pair[1]} beside {field}, or for an input that is not 2-D",
                    at=f"convolution_param.{field}", hint=f"Use either {field}, or both {pair[0]} and {pair[1]}.",
                )  # fmt: skip
            values = [getattr(p, side) if p.HasField(side) else (default or 0) for side in pair]
        if not values:
            if default is None:
                raise self.error("needs kernel_size", at="convolution_param", hint="For example: kernel_size: 3")
            values = [default]
        if len(values) not in (1, count):
            raise self.error(
                f"gives {field} {len(values)} times for {count} spatial axes", at=f"convolution_param.{field}"
            )
        return tuple(values * count if len(values) == 1 else values)

    def fit(self, spatial: Shape) -> None:
        """Refuse a kernel that is larger than what it slides over."""
        reach = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        if any(size + 2 * pad < r for size, pad, r in zip(spatial, self.pad, reach, strict=True)):
            raise self.error(
                f"has a kernel of {times(reach)}, larger than its input of {times(spatial)} with padding"
                f" {times(self.pad)}",
                at="convolution_param.kernel_size", hint="Use larger pictures, a smaller kernel, or more padding.",
            )  # fmt: skip

    def weight_shape(self, inputs: int, outputs: int) -> Shape:
        """(outputs, inputs of a group, kernel...)."""
        return (outputs, inputs // self.group, *self.kernel)

    def forward(self, x: Tensor) -> Tensor:
        """One bottom, one top."""
        return self.call(x, self.weight, self.bias, self.stride, self.pad, self.dilation, self.group)

    def step(self, use: Use) -> Callable[..., Any]:
        """The same weights are applied to each bottom."""
        count = len(self.definition.message.bottom)
        return self.forward if count == 1 else lambda *xs: tuple(self.forward(x) for x in xs)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """Each output value is a dot product with one kernel."""
        return sum(math.prod(top) for top in tops) * math.prod(self.weight.shape[1:])
