"""Layers of forks that change the size of pictures: Interp of DeepLab and PSPNet, Upsample of SegNet and YOLO."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times


class Interp(Layer):
    """Bilinear interpolation that maps the corners of the picture onto the corners of the result."""

    settings = "interp_param"
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """First the picture is cropped by negative pads, then the size is found."""
        if p.pad_beg > 0 or p.pad_end > 0:
            raise self.error("pads, but can only crop", at="interp_param.pad_beg", hint="Use negative values.")
        self.begin, self.end = -p.pad_beg, -p.pad_end
        size = tuple(n - self.begin - self.end for n in shapes[0][2:])
        if min(size) < 1:
            raise self.error(f"crops everything of its input of {times(shapes[0][2:])}", at="interp_param.pad_beg")
        self.out = self.output_size(p, size)
        if min(self.out) < 1:
            raise self.error(f"has the output size {times(self.out)}; sizes are at least 1", at="interp_param.height")

    def output_size(self, p: Any, size: Shape) -> Shape:
        """Shrunk, (n - 1) / shrink + 1, and then zoomed, n + (n - 1) * (zoom - 1); or as said by height and width."""
        zoom, shrink = p.HasField("zoom_factor"), p.HasField("shrink_factor")
        if p.HasField("height") and p.HasField("width") and zoom == shrink:
            return p.height, p.width
        if not (zoom or shrink):
            raise self.error(
                "needs a size", at="interp_param", hint="Give height and width, or zoom_factor, or shrink_factor."
            )
        by = self.positive(p.shrink_factor, "shrink_factor")
        size = tuple((n - 1) // by + 1 for n in size)
        by = self.positive(p.zoom_factor, "zoom_factor")
        return tuple(n + (n - 1) * (by - 1) for n in size)

    def forward(self, x: Tensor) -> Tensor:
        """torch's interpolation with aligned corners."""
        high, broad = x.shape[2] - self.end, x.shape[3] - self.end
        part = x[:, :, self.begin : high, self.begin : broad] if self.begin or self.end else x
        return F.interpolate(part, self.out, mode="bilinear", align_corners=True)


class Upsample(Layer):
    """Larger pictures. With one bottom each value is repeated (YOLO); with two the second is the mask of a pooling,
    and each value returns to where that one found its maximum, among zeros (SegNet).
    """

    settings = "upsample_param"
    bottoms = (1, 2)
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The size: `scale` times the bottom's, or with a mask also as said by upsample_h and upsample_w."""
        size = shapes[0][2:]
        self.scale = self.scales(p)
        said = p.HasField("upsample_h") and p.HasField("upsample_w")
        self.out = (p.upsample_h, p.upsample_w) if said else tuple(
            n * s - cut for n, s, cut in zip(size, self.scale, (p.pad_out_h, p.pad_out_w), strict=True)
        )  # fmt: skip
        if min(self.out) < 1:
            raise self.error(f"has the output size {times(self.out)}; sizes are at least 1", at="upsample_param.scale")
        if len(shapes) == 2 and shapes[1] != shapes[0]:
            raise self.error(
                f"needs a mask of the shape of its input, {times(shapes[0])}, not {times(shapes[1])}", at="bottom"
            )
        if len(shapes) == 1 and (said or p.pad_out_h or p.pad_out_w):
            raise self.error(
                "can have another size than scale times its input's only with a mask", at="upsample_param.upsample_h",
                hint="The mask is the second top of a Pooling layer, and the second bottom here.",
            )  # fmt: skip

    def scales(self, p: Any) -> Shape:
        """Along height and width; one more row or column may be cut off where it is 2."""
        pair = p.HasField("scale_h"), p.HasField("scale_w")
        if any(pair) and (not all(pair) or p.HasField("scale")):
            raise self.error("needs either scale, or both scale_h and scale_w", at="upsample_param.scale")
        scale = (p.scale_h, p.scale_w) if any(pair) else (p.scale, p.scale)
        for value, cut in zip(scale, (p.pad_out_h, p.pad_out_w), strict=True):
            self.positive(value, "scale")
            if cut and value != 2:
                raise self.error(
                    f"has pad_out_h or pad_out_w with a scale of {value}; they need 2", at="upsample_param.scale"
                )
        return scale

    def step(self, use: Use) -> Callable[..., Any]:
        """The number of bottoms decides."""
        return self.forward if len(self.definition.message.bottom) == 1 else self.returned

    def forward(self, x: Tensor) -> Tensor:
        """Each value `scale` times."""
        return F.interpolate(x, self.out, mode="nearest")

    def returned(self, x: Tensor, mask: Tensor) -> Tensor:
        """Each value where the mask says, as a number within its channel."""
        flat = x.new_zeros(*x.shape[:2], math.prod(self.out))
        return flat.scatter(2, mask.detach().long().flatten(2), x.flatten(2)).view(*x.shape[:2], *self.out)
