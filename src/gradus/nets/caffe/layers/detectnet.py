"""DetectNetTransformation: pictures and their boxes, augmented, to pictures and grids (catalogue 1.10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.core.errors import GradusError
from gradus.data.mean import read_mean
from gradus.nets.caffe.layers import augmentation, coverage
from gradus.nets.caffe.layers.augmentation import Choice
from gradus.nets.caffe.layers.base import Layer, Shape, Use
from gradus.nets.caffe.layers.coverage import Grid

NUMBERS = 16  # of one row of a label


class DetectNetTransformation(Layer):
    """BGR pictures and labels of boxes to pictures of the network's size, less the mean, and grids of boxes.

    Bottoms are (N, 3, H, W) and (N, 1, boxes + 1, 16) as DIGITS stores them: a label's first row says how many
    boxes follow, one a row. Tops are (N, 3, image_size_y, image_size_x) and (N, 8 + classes, rows, columns). In
    training chance (torch's generator) decides for each picture; in testing all are resized.
    """

    settings = "detectnet_groundtruth_param"
    bottoms = (2, 2)
    tops = (2, 2)
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The grid, the chances, and of what kind the mean is."""
        pictures, labels = shapes
        if pictures[1] != 3:
            raise self.error(f"needs pictures of 3 channels and gets {pictures[1]}", at="bottom")
        if len(labels) != 4 or labels[3] != NUMBERS or labels[0] != pictures[0] or labels[2] < 2:
            raise self.error("needs labels of (pictures, 1, boxes + 1, 16) as its second bottom", at="bottom",
                             hint="Is the second bottom the label database of object detection?")  # fmt: skip
        self.positive(p.stride, "stride")
        for field in ("image_size_x", "image_size_y"):
            if getattr(p, field) < p.stride:
                raise self.error(f"needs an {field} of at least its stride", at=f"{self.settings}.{field}")
        self.grid = Grid.of(p)
        if max(self.grid.classes.values()) >= 2**16:
            raise self.error("maps a class to a channel past 65535", at=f"{self.settings}.object_class")
        self.out = (self.grid.width, self.grid.height)
        self.chances = self.definition.message.detectnet_augmentation_param
        if min(self.chances.scale_min, self.chances.scale_max) <= 0:
            raise self.error("needs scale_min and scale_max above 0", at="detectnet_augmentation_param.scale_min")
        self.size = tuple(pictures[2:])
        if len(self.definition.message.transform_param.mean_value) not in (0, 1, 3):
            raise self.error("needs one mean_value or three", at="transform_param.mean_value")

    @cached_property
    def mean(self) -> Tensor:
        """What is subtracted: (1, 3, H, W) from a file, which is opened for the first batch, or (1, 1 or 3, 1, 1)."""
        p = self.definition.message.transform_param
        if p.mean_file:
            try:
                mean = torch.from_numpy(read_mean(Path(p.mean_file)))
            except (GradusError, OSError) as problem:
                raise self.error(f"has an unusable mean_file: {problem}", at="transform_param.mean_file") from problem
            if mean.shape[0] != 3:
                raise self.error("needs a mean of 3 channels", at="transform_param.mean_file")
            return F.interpolate(mean[None], self.size, mode="bicubic", align_corners=False)
        return torch.tensor(list(p.mean_value) or [0.0]).view(1, -1, 1, 1)

    def step(self, use: Use) -> Callable[..., Any]:
        """Augmented or not."""
        return self.augmented if use.training else self.forward

    def forward(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """As in the phase TEST."""
        return self.run(pictures, labels, [Choice(self.out)] * len(pictures))

    def augmented(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """As in the phase TRAIN."""
        size = (pictures.shape[3], pictures.shape[2])
        draws = torch.rand(len(pictures), augmentation.DRAWS).tolist()
        return self.run(pictures, labels, [augmentation.choose(self.chances, d, size, self.out) for d in draws])

    @torch.no_grad()
    def run(self, pictures: Tensor, labels: Tensor, choices: Sequence[Choice]) -> tuple[Tensor, Tensor]:
        """What the choices make of a batch. Only scaling, rotating and cropping differ in size, one by one."""
        if pictures.is_meta:
            top = pictures.new_empty((len(pictures), 3, self.out[1], self.out[0]), dtype=torch.float32)
            return top, top.new_empty((len(pictures), *self.grid.shape))
        size = (pictures.shape[3], pictures.shape[2])
        pictures = augmentation.recoloured(pictures.float(), choices) - self.mean.to(pictures.device)
        flips = torch.tensor([c.flip for c in choices], device=pictures.device).view(-1, 1, 1, 1)
        pictures = torch.where(flips, pictures.flip(3), pictures)
        top = torch.stack([augmentation.placed(x, c, self.out) for x, c in zip(pictures, choices, strict=True)])
        rows = labels.float().view(len(labels), -1, NUMBERS)
        count, rows = rows[:, :1, 0], rows[:, 1:].clone()
        there = torch.arange(rows.shape[1], device=rows.device) < count
        rows[..., 5] = torch.where(there, rows[..., 5], torch.nan)
        return top, coverage.grids(augmentation.moved(rows, choices, size), self.grid)
