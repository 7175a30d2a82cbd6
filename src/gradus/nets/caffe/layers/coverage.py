"""DetectNet's ground truth: boxes become grids of coverage, corners and sizes (catalogue 1.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

GRIDBOX_MAX, GRIDBOX_MIN = 0, 1  # DetectNetGroundTruthParameter.GridboxType
CHANNELS = 8  # before the classes: foreground, left, top, right, bottom, 1/w, 1/h, obj_norm
_EPSILON = torch.finfo(torch.float32).eps  # areas up to this are none


@dataclass(frozen=True, slots=True)
class Grid:
    """How a DetectNetGroundTruthParameter lays boxes out: `classes` maps the class of a label to a channel."""

    width: int
    height: int
    stride: int
    scale: float
    gridbox: int
    longest: float
    shortest: float
    by_size: bool
    crop: bool
    classes: dict[int, int]

    @classmethod
    def of(cls, p: Any) -> Grid:
        """The settings of a message. Without `object_class` class 1 (KITTI's cars) is the only one."""
        classes = {mapping.src: mapping.dst for mapping in p.object_class} or {1: 0}
        return cls(
            p.image_size_x, p.image_size_y, p.stride, p.scale_cvg, p.gridbox_type, p.max_cvg_len, p.min_cvg_len,
            p.obj_norm, p.crop_bboxes, classes,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of one picture's grid."""
        return CHANNELS + max(self.classes.values()) + 1, self.height // self.stride, self.width // self.stride


def grids(labels: Tensor, grid: Grid) -> Tensor:
    """The grids (N, 8 + classes, rows, columns) of labels (N, B, 6 or more): x, y, width, height, alpha, class.

    `labels` has a row for each box, NaN in its class where there is none. A cell belongs to the last box whose
    coverage region meets it. Corners are in pixels from the cell's own corner.
    """
    box = torch.cat([labels[..., :2], labels[..., :2] + labels[..., 2:4]], -1)
    if grid.crop:
        box = torch.minimum(box.clamp(min=0), box.new_tensor([grid.width, grid.height] * 2))
    size = (box[..., 2:] - box[..., :2]).clamp(min=0)
    channel = _channel(labels[..., 5], grid)
    region = _region(box, size, grid)
    counts = (channel >= 0) & (size.prod(-1) >= _EPSILON)
    _, rows, columns = grid.shape
    across = _along(region[..., 0], region[..., 2], columns, grid.stride)  # (N, B, columns)
    down = _along(region[..., 1], region[..., 3], rows, grid.stride)
    shared = down.unsqueeze(3) * across.unsqueeze(2) / grid.stride**2  # (N, B, rows, columns)
    meets = (shared > _EPSILON) & counts[..., None, None]
    order = torch.arange(1, labels.shape[1] + 1, device=labels.device).view(-1, 1, 1)
    owner = torch.where(meets, order, 0).amax(1) - 1  # (N, rows, columns); -1: nobody
    return _channels(owner, box, size, region, channel, grid)


def _channel(kind: Tensor, grid: Grid) -> Tensor:
    """The channel of each box's class, -1 where its class does not count. Classes are cut to integers."""
    result = torch.full_like(kind, -1, dtype=torch.long)
    for source, channel in grid.classes.items():
        result = torch.where(kind.trunc() == source, channel, result)
    return result


def _region(box: Tensor, size: Tensor, grid: Grid) -> Tensor:
    """The part of each box, around its centre, in which it is to be seen."""
    shrunk = size * grid.scale
    if grid.gridbox == GRIDBOX_MAX:
        shrunk = shrunk.clamp(max=grid.longest)
    else:
        shrunk = torch.minimum(size, shrunk.clamp(min=grid.shortest))
    centre = (box[..., :2] + box[..., 2:]) / 2
    return torch.cat([centre - shrunk / 2, centre + shrunk / 2], -1)


def _along(low: Tensor, high: Tensor, cells: int, stride: int) -> Tensor:
    """How much of each cell lies between low and high, along one axis, in pixels."""
    start = torch.arange(cells, device=low.device, dtype=low.dtype) * stride
    low, high = low.unsqueeze(-1), high.unsqueeze(-1)
    return (torch.minimum(high, start + stride) - torch.maximum(low, start)).clamp(min=0)


def _channels(owner: Tensor, box: Tensor, size: Tensor, region: Tensor, channel: Tensor, grid: Grid) -> Tensor:
    number, rows, columns = owner.shape
    covered = owner >= 0
    which = owner.clamp(min=0).flatten(1)

    def per_cell(values: Tensor) -> Tensor:
        picked = values.gather(1, which.unsqueeze(2).expand(-1, -1, values.shape[2]))
        return picked.view(number, rows, columns, -1).permute(0, 3, 1, 2)

    area = (region[..., 2:] - region[..., :2]).prod(-1, keepdim=True)
    norm = (grid.stride**2 / area).clamp(min=0.0 if grid.by_size else 1.0)
    y = torch.arange(rows, device=box.device, dtype=box.dtype).view(1, -1, 1).expand(1, rows, columns) * grid.stride
    x = torch.arange(columns, device=box.device, dtype=box.dtype).expand(1, rows, columns) * grid.stride
    corners = per_cell(box) - torch.stack([x, y, x, y], 1)
    kinds = torch.arange(grid.shape[0] - CHANNELS, device=box.device).view(1, -1, 1, 1)
    parts = [
        torch.ones_like(corners[:, :1]), corners, per_cell(1 / size), per_cell(norm),
        (per_cell(channel.unsqueeze(2)) == kinds).to(box.dtype),
    ]  # fmt: skip
    return torch.where(covered.unsqueeze(1), torch.cat(parts, 1), 0.0)
