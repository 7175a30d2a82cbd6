"""Pooling over regions of interest: what Fast R-CNN and R-FCN added to Caffe.

Regions are rows (image, left, top, right, bottom) in pixels of the picture; `spatial_scale` brings them to the
features. They have no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times

CORNERS = 5  # numbers of a region: its image, and two corners


def _away_from_zero(x: Tensor) -> Tensor:
    """C's round: halves go away from zero, not to the even number."""
    return x.sign() * (x.abs() + 0.5).floor()


class _RegionLayer(Layer):
    bottoms = (2, 2)
    dimensions = 4

    def check(self, shapes: Sequence[Shape]) -> None:
        """The second bottom holds regions."""
        if shapes[1][1:] not in ((CORNERS,), (CORNERS, 1, 1)):
            raise self.error(
                f"needs regions of {CORNERS} numbers as its second input, not {times(shapes[1])}", at="bottom"
            )


class ROIPooling(_RegionLayer):
    """The maximum of each cell of a grid laid over each region (Fast R-CNN, Girshick, 2015); empty cells give 0."""

    settings = "roi_pooling_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The grid, and the scale of the features."""
        self.check(shapes)
        self.grid = self.positive(p.pooled_h, "pooled_h"), self.positive(p.pooled_w, "pooled_w")
        self.scale = p.spatial_scale

    def forward(self, x: Tensor, regions: Tensor) -> Tensor:
        """(regions, channels, rows, columns): first over the rows of each cell, then over its columns."""
        rows, columns = self.grid
        if x.is_meta:
            return x.new_empty((len(regions), x.shape[1], rows, columns))
        regions = regions.reshape(-1, CORNERS).detach().float()
        corners = _away_from_zero(regions[:, 1:] * self.scale)
        across = self._cells(corners[:, 0], corners[:, 2], columns, x.shape[3])
        down = self._cells(corners[:, 1], corners[:, 3], rows, x.shape[2])
        images = regions[:, 0].long().tolist()
        pooled = [self._pool(x[image], d, a) for image, d, a in zip(images, down, across, strict=True)]
        return torch.stack(pooled) if pooled else x.new_zeros((0, x.shape[1], rows, columns))

    @staticmethod
    def _cells(first: Tensor, last: Tensor, count: int, size: int) -> list[list[list[int]]]:
        """The first row of each cell and the one behind its last, for each region."""
        side = (last - first + 1).clamp(min=1) / count
        steps = torch.arange(count, device=first.device)
        starts = (steps * side[:, None]).floor() + first[:, None]
        ends = ((steps + 1) * side[:, None]).ceil() + first[:, None]
        found: list[list[list[int]]] = torch.stack([starts, ends], -1).clamp(0, size).long().tolist()
        return found

    @staticmethod
    def _pool(x: Tensor, down: list[list[int]], across: list[list[int]]) -> Tensor:
        channels, _, width = x.shape
        rows = [x[:, a:b].amax(1) if b > a else x.new_zeros(channels, width) for a, b in down]
        strips = torch.stack(rows, 1)
        cells = [strips[:, :, a:b].amax(2) if b > a else strips.new_zeros(channels, len(down)) for a, b in across]
        return torch.stack(cells, 2)


class PSROIPooling(_RegionLayer):
    """The mean of each cell of a grid laid over each region, from channels of the cell's own (R-FCN, Dai et al., 2016).

    Output channel c at cell (i, j) is pooled from input channel (c * group_size + i) * group_size + j.
    """

    settings = "psroi_pooling_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """As many channels as outputs times cells."""
        self.check(shapes)
        self.group, self.outputs = self.positive(p.group_size, "group_size"), self.positive(p.output_dim, "output_dim")
        self.scale = p.spatial_scale
        if shapes[0][1] != (wanted := self.outputs * self.group**2):
            raise self.error(
                f"needs {wanted} channels (output_dim times group_size squared), not {shapes[0][1]}", at="bottom"
            )

    def forward(self, x: Tensor, regions: Tensor) -> Tensor:
        """(regions, outputs, group, group), from sums over all rectangles that start at the top left."""
        group = self.group
        if x.is_meta:
            return x.new_empty((len(regions), self.outputs, group, group))
        regions = regions.reshape(-1, CORNERS).detach().to(x.dtype)
        left, right = self._cells(regions[:, 1], regions[:, 3], x.shape[3])
        top, bottom = self._cells(regions[:, 2], regions[:, 4], x.shape[2])
        sums = torch.nn.functional.pad(x.double().cumsum(2).cumsum(3), (1, 0, 1, 0))
        image = regions[:, 0].long()[:, None, None, None]
        cells = torch.arange(group, device=x.device)
        channel = (torch.arange(self.outputs, device=x.device)[:, None, None] * group + cells[:, None]) * group + cells

        def total(rows: Tensor, columns: Tensor) -> Tensor:
            return sums[image, channel, rows[:, None, :, None], columns[:, None, None, :]]

        area = (bottom - top)[:, None, :, None] * (right - left)[:, None, None, :]
        inside = total(bottom, right) - total(top, right) - total(bottom, left) + total(top, left)
        return torch.where(area > 0, inside / area.clamp(min=1), 0.0).to(x.dtype)

    def _cells(self, first: Tensor, last: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """The first row of each cell and the one behind its last: (regions, group), never the one before the other."""
        start = _away_from_zero(first) * self.scale
        side = ((_away_from_zero(last) + 1) * self.scale - start).clamp(min=0.1) / self.group
        steps = torch.arange(self.group, device=first.device)
        starts = (steps * side[:, None] + start[:, None]).floor().clamp(0, size).long()
        ends = ((steps + 1) * side[:, None] + start[:, None]).ceil().clamp(0, size).long()
        return starts, torch.maximum(starts, ends)
