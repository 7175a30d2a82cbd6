"""DummyData: blobs that fillers make (catalogue 1.8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradus.nets.caffe.layers import fillers
from gradus.nets.caffe.layers.base import Shape, constant, times
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.text.prototxt import Definition

_OLD = ("num", "channels", "height", "width")


class DummyData(Source):
    """Any number of tops. Constant ones are filled once, others for each batch."""

    ahead = 0

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = definition.message.dummy_data_param
        self._shapes = self._of_all(self._given(p), "shape")
        self._fillers = self._of_all(list(p.data_filler) or [constant()], "data_filler")
        for filler, shape in zip(self._fillers, self._shapes, strict=True):
            if any(size < 1 for size in shape):
                raise self.error(f"has the shape {times(shape)}; sizes are at least 1", at="dummy_data_param.shape")
            if wrong := fillers.why_not(filler, shape):
                raise self.error(wrong, at="dummy_data_param.data_filler")
        seed = int(reading.generator(definition.name).integers(np.iinfo(np.int64).max))
        self._random = torch.Generator().manual_seed(seed)
        self._constant: dict[int, Tensor] = {}

    def _given(self, p: Any) -> list[Shape]:
        old = [self._of_all(list(getattr(p, name)), name) for name in _OLD if getattr(p, name)]
        if old and p.shape:
            raise self.error("has both shape and the older num, channels, height and width", at="dummy_data_param.num")
        if old and len(old) < len(_OLD):
            raise self.error("needs num, channels, height and width, or shape", at="dummy_data_param")
        return [tuple(sizes) for sizes in zip(*old, strict=True)] if old else [tuple(s.dim) for s in p.shape]

    def _of_all(self, given: list[Any], field: str) -> list[Any]:
        """One for each top, of as many or of one for all."""
        if len(given) not in (1, self.tops):
            raise self.error(
                f"has {len(given)} {field} for {self.tops} tops", at=f"dummy_data_param.{field}",
                hint="Give one for all tops, or one for each.",
            )  # fmt: skip
        return given * self.tops if len(given) == 1 else given

    def shapes(self) -> list[Shape]:
        """As the text says."""
        return list(self._shapes)

    def read(self) -> list[Tensor]:
        """New values for the tops that are not constant."""
        return [self._filled(top) for top in range(self.tops)]

    def _filled(self, top: int) -> Tensor:
        if top in self._constant:
            return self._constant[top]
        filler, tensor = self._fillers[top], torch.empty(self._shapes[top])
        fillers.fill(tensor, filler, self._random)
        if filler.type == "constant":
            self._constant[top] = tensor
        return tensor
