"""Pixels to what a network takes: mean, crop, mirror and scale, on whole batches where the network is.

As Caffe does it: y = (x - mean) * scale, the mean picture is cropped at the same place as the picture,
and mirroring comes last. Pictures come as uint8 (n, height, width, channels) and leave as float32
(n, channels, height, width) in channels_last memory, without a copy for the change of order.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradus.core.errors import InputError
from gradus.core.model import MeanKind, Preprocessing
from gradus.engine.sampler import Draw


class Preparation:
    """What is done to every picture. `mean` is the mean picture (channels, height, width), where one is subtracted."""

    def __init__(
        self, recorded: Preprocessing, mean: NDArray[np.float32] | None, device: torch.device, *, mirror: bool = False
    ) -> None:
        self._device = device
        self._scale = recorded.scale
        self._mirror = mirror
        self._height = recorded.crop_size or recorded.height
        self._width = recorded.crop_size or recorded.width
        self.spare_rows = recorded.height - self._height
        self.spare_columns = recorded.width - self._width
        if min(self.spare_rows, self.spare_columns) < 0:
            raise InputError(
                f"A crop of {recorded.crop_size} does not fit into pictures of "
                f"{recorded.width} x {recorded.height}.",
                field="crop_size",
                hint="Choose a smaller crop, or a dataset of larger pictures.",
            )  # fmt: skip
        self._mean = self._on_device(recorded, mean)

    @property
    def draws(self) -> bool:
        """Whether training needs random numbers at all."""
        return self._mirror or self.spare_rows > 0 or self.spare_columns > 0

    def training(self, pictures: Tensor, draw: Draw | None) -> Tensor:
        """Random crops and flips, as drawn."""
        if draw is None:
            return self.evaluation(pictures)
        return self._scaled(self._cut(self._centred(pictures), draw))

    def evaluation(self, pictures: Tensor) -> Tensor:
        """The centre of each picture, rounded to the top left as in Caffe; never mirrored."""
        top, left = self.spare_rows // 2, self.spare_columns // 2
        whole = not (self.spare_rows or self.spare_columns)
        cut = pictures if whole else pictures[:, top : top + self._height, left : left + self._width]
        mean = self._mean
        if mean is not None and not whole and mean.dim() == 3:
            mean = mean[top : top + self._height, left : left + self._width]
        return self._scaled(self._less(cut, mean))

    def _centred(self, pictures: Tensor) -> Tensor:
        return self._less(pictures, self._mean)

    def _cut(self, pictures: Tensor, draw: Draw) -> Tensor:
        """One gather for all pictures: rows and columns of each, columns backwards where it is mirrored."""
        rows = torch.arange(self._height)
        columns = torch.arange(self._width)
        backwards = torch.from_numpy(draw.flip)[:, None] & self._mirror
        row = torch.from_numpy(draw.top)[:, None] + rows
        column = torch.from_numpy(draw.left)[:, None] + torch.where(backwards, columns.flip(0), columns)
        number = torch.arange(len(pictures), device=self._device)
        row, column = row.to(self._device, non_blocking=True), column.to(self._device, non_blocking=True)
        return pictures[number[:, None, None], row[:, :, None], column[:, None, :]]

    def _scaled(self, pictures: Tensor) -> Tensor:
        if self._scale != 1.0:
            pictures = pictures.mul_(self._scale)
        return pictures.permute(0, 3, 1, 2)

    @staticmethod
    def _less(pictures: Tensor, mean: Tensor | None) -> Tensor:
        """A new float32 tensor in one pass over the pixels."""
        return pictures.to(torch.float32) if mean is None else torch.sub(pictures, mean)

    def _on_device(self, recorded: Preprocessing, mean: NDArray[np.float32] | None) -> Tensor | None:
        if recorded.mean is MeanKind.NONE:
            return None
        if recorded.mean is MeanKind.PIXEL:
            return torch.tensor(recorded.mean_pixel, dtype=torch.float32, device=self._device)
        expected = (recorded.channels, recorded.height, recorded.width)
        if mean is None or mean.shape != expected:
            found = "missing" if mean is None else f"{list(mean.shape)}"
            raise InputError(
                f"The mean picture is {found}, but the pictures are {list(expected)}.",
                file="mean.binaryproto",
                hint="Build the dataset again, or subtract the mean pixel or nothing.",
            )
        return torch.from_numpy(np.ascontiguousarray(mean.transpose(1, 2, 0))).to(self._device)
