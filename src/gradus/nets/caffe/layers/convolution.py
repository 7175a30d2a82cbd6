"""Layers that slide a window over the axes after the channels (catalogue 1.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times

_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


class Sliding(Layer):
    """The geometry of a window: `convolution_param` for 1 to 3 spatial axes.

    Axes before `axis` (the channels) are the batch, those after it are slid over.
    """

    settings = "convolution_param"
    spatial_axes: ClassVar[range] = range(1, 4)

    def geometry(self, p: Any, shapes: Sequence[Shape]) -> int:
        """Kernel, stride, pad and dilation for each spatial axis; gives the number of channels."""
        shape = shapes[0]
        self.channel = self.axis(p.axis, len(shape))
        spatial = shape[self.channel + 1 :]
        count = len(spatial)
        if count not in self.spatial_axes:
            raise self.error(
                f"slides over 1 to 3 axes after axis {p.axis}; its input is {times(shape)}", at="convolution_param.axis"
            )
        if any(len(other) != len(shape) or other[self.channel] != shape[self.channel] for other in shapes):
            raise self.error("needs the same number of axes and channels in all its inputs", at="bottom")
        self.kernel = self.sizes(p, "kernel", count, None)
        self.stride = self.sizes(p, "stride", count, 1)
        self.pad = self.sizes(p, "pad", count, 0)
        self.dilation = self.sizes(p, "dilation", count, 1)
        for name, field in (("kernel", "kernel_size"), ("stride", "stride"), ("dilation", "dilation")):
            for value in getattr(self, name):
                self.positive(value, field)
        for other in shapes:
            self.fit(other[self.channel + 1 :])
        return shape[self.channel]

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
            values = [getattr(p, side) for side in pair]  # what is not given is 0, in Caffe too
        if not values:
            if default is None:
                raise self.error("needs kernel_size", at="convolution_param", hint="For example: kernel_size: 3")
            values = [default]
        if len(values) not in (1, count):
            raise self.error(
                f"gives {field} {len(values)} times for {count} spatial axes", at=f"convolution_param.{field}"
            )
        return tuple(values * count if len(values) == 1 else values)

    @property
    def reach(self) -> Shape:
        """How far the dilated kernel reaches along each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def fit(self, spatial: Shape) -> None:
        """Refuse a kernel that is larger than what it slides over."""
        if any(size + 2 * pad < r for size, pad, r in zip(spatial, self.pad, self.reach, strict=True)):
            raise self.error(
                f"has a kernel of {times(self.reach)}, larger than its input of {times(spatial)} with padding"
                f" {times(self.pad)}",
                at="convolution_param.kernel_size", hint="Use larger pictures, a smaller kernel, or more padding.",
            )  # fmt: skip

    def folded(self, x: Tensor) -> Tensor:
        """The forward pass where the channels are not axis 1: all axes before them become one batch axis."""
        y: Tensor = self.forward(x.reshape(-1, *x.shape[self.channel :]))
        return y.reshape(*x.shape[: self.channel], *y.shape[1:])

    def step(self, use: Use) -> Callable[..., Any]:
        """The same weights are applied to each bottom."""
        one = self.forward if self.channel == 1 else self.folded
        count = len(self.definition.message.bottom)
        return one if count == 1 else lambda *xs: tuple(one(x) for x in xs)


class Convolution(Sliding):
    """Cross-correlation with learned kernels; sizes round down (pooling's round up)."""

    weight: Tensor
    bias: Tensor | None
    bottoms = (1, None)
    tops = (1, None)
    calls: ClassVar[dict[int, Callable[..., Tensor]]] = _CONVOLUTIONS

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One set of weights for all bottoms."""
        inputs = self.geometry(p, shapes)
        self.group = self.groups(p, inputs)
        outputs = self.outputs(p, inputs)
        if inputs % self.group or outputs % self.group:
            raise self.error(
                f"cannot split {inputs} inputs and {outputs} outputs into {self.group} groups",
                at="convolution_param.group",
            )
        self.learn("weight", self.weight_shape(inputs, outputs), p.weight_filler)
        if p.bias_term:
            self.learn("bias", (outputs,), p.bias_filler)
        else:
            self.bias = None
        self.call = self.calls[len(self.kernel)]

    def groups(self, p: Any, inputs: int) -> int:
        """In how many parts, each with its own kernels, the channels are split."""
        return self.positive(p.group, "group")

    def outputs(self, p: Any, inputs: int) -> int:
        """The channels of the top."""
        return self.positive(p.num_output, "num_output")

    def weight_shape(self, inputs: int, outputs: int) -> Shape:
        """(outputs, inputs of a group, kernel...)."""
        return (outputs, inputs // self.group, *self.kernel)

    def forward(self, x: Tensor) -> Tensor:
        """One bottom, one top."""
        return self.call(x, self.weight, self.bias, self.stride, self.pad, self.dilation, self.group)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """Each output value is a dot product with one kernel."""
        return sum(math.prod(top) for top in tops) * math.prod(self.weight.shape[1:])


class DepthwiseConvolution(Convolution):
    """A convolution in which each channel has its own kernels: `group` is the number of channels.

    `num_output` may be absent (the channels) or a multiple of them.
    """

    def groups(self, p: Any, inputs: int) -> int:
        """One for each channel; the text may say so, but nothing else."""
        if p.HasField("group") and p.group not in (1, inputs):
            raise self.error(
                f"has group {p.group}, but works on each of its {inputs} channels alone",
                at="convolution_param.group", hint="Leave group out, or use a Convolution layer.",
            )  # fmt: skip
        return inputs

    def outputs(self, p: Any, inputs: int) -> int:
        """As many as inputs unless the text says otherwise."""
        return super().outputs(p, inputs) if p.HasField("num_output") else inputs


class Deconvolution(Convolution):
    """The transpose of a convolution: what that one's backward does to gradients is done to the input."""

    calls = _TRANSPOSED

    def weight_shape(self, inputs: int, outputs: int) -> Shape:
        """(inputs, outputs of a group, kernel...): the layout of the convolution that it transposes."""
        return (inputs, outputs // self.group, *self.kernel)

    def fit(self, spatial: Shape) -> None:
        """Refuse padding that eats the whole output: stride * (size - 1) + reach - 2 * pad must be positive."""
        out = [s * (n - 1) + r - 2 * q for n, s, r, q in zip(spatial, self.stride, self.reach, self.pad, strict=True)]
        if min(out) < 1:
            raise self.error(
                f"pads by {times(self.pad)}, so that nothing is left of its output", at="convolution_param.pad",
                hint="Padding is cut off the output of a Deconvolution: use less.",
            )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """torch takes an output padding before the groups, which Caffe does not have."""
        return self.call(x, self.weight, self.bias, self.stride, self.pad, 0, self.group, self.dilation)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """Each input value is spread by one kernel."""
        return sum(math.prod(bottom) for bottom in bottoms) * math.prod(self.weight.shape[1:])


class Im2col(Sliding):
    """The windows of a convolution as channels: (channel, kernel...) in this order."""

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Only the geometry of `convolution_param` counts."""
        self.geometry(p, shapes)

    def forward(self, x: Tensor) -> Tensor:
        """A view of all windows, then one copy."""
        count = len(self.kernel)
        windows = F.pad(x, [q for pad in reversed(self.pad) for q in (pad, pad)])
        for i, (reach, s, d) in enumerate(zip(self.reach, self.stride, self.dilation, strict=True)):
            windows = windows.unfold(2 + i, reach, s)[..., ::d]
        out = windows.shape[2 : 2 + count]
        order = (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count))
        return windows.permute(order).reshape(x.shape[0], x.shape[1] * math.prod(self.kernel), *out)
