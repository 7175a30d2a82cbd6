"""MemoryData: arrays that a program hands over (catalogue 1.8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gradus.core.errors import InputError
from gradus.nets.caffe.layers.base import Shape, times
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.transform import Transform
from gradus.nets.caffe.text.prototxt import Definition


class MemoryData(Source):
    """Tops: (N, channels, height, width) and labels (N,), a batch at a time from what `set_arrays` or `add` gave."""

    ahead = 0  # the arrays may change between two batches

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = definition.message.memory_data_param
        sizes = [self.positive(getattr(p, n), f"memory_data_param.{n}") for n in ("channels", "height", "width")]
        self.batch = self.positive(p.batch_size, "memory_data_param.batch_size")
        self._shape = tuple(sizes)
        self._transform = Transform(definition, reading)
        self._data: Tensor | None = None
        self._labels = torch.empty(0)
        self._at = 0

    def shapes(self) -> list[Shape]:
        """As the text says."""
        return [(self.batch, *self._shape), (self.batch,)][: self.tops]

    def set_arrays(self, data: NDArray[Any], labels: ArrayLike) -> None:
        """Read from float32 arrays (n, channels, height, width) and (n,); n a multiple of the batch size.

        Nothing is transformed and nothing copied: what is written into them later is read.
        """
        self._set(np.ascontiguousarray(data, np.float32), labels)

    def add(self, pictures: NDArray[np.uint8], labels: ArrayLike) -> None:
        """Read from pictures (n, channels, height, width), transformed once as transform_param says."""
        if pictures.ndim != 4 or not len(pictures):
            raise InputError(f"pictures are (count, channels, height, width), not {times(pictures.shape)}")
        self._set(self._transform(pictures, self._transform.draw(len(pictures))).numpy(), labels)

    def _set(self, data: NDArray[np.float32], labels: ArrayLike) -> None:
        given = np.ascontiguousarray(labels, np.float32)
        if data.shape[1:] != self._shape:
            raise InputError(f"the data is {times(data.shape)}; the layer takes {times((self.batch, *self._shape))}")
        if not len(data) or len(data) % self.batch:
            raise InputError(f"{len(data)} samples are not a multiple of the batch size, {self.batch}")
        if given.size != len(data) or len(given) != len(data):
            raise InputError(f"{len(data)} samples need as many labels, not {times(given.shape)}")
        self._data, self._labels, self._at = torch.from_numpy(data), torch.from_numpy(given.reshape(-1)), 0

    def read(self) -> list[Tensor]:
        """The next batch, sharing memory with the arrays."""
        if self._data is None:
            raise self.error("has no data yet", hint="Call set_input_arrays(data, labels) of the net first.")
        rows = slice(self._at, self._at + self.batch)
        self._at = rows.stop % len(self._data)
        return [self._data[rows], self._labels[rows]][: self.tops]

    def close(self) -> None:
        """End the threads and let go of the arrays."""
        self._transform.close()
        self._data = None
