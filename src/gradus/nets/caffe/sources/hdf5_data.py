"""HDF5Data: rows of the datasets in a list of HDF5 files (catalogue 1.8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradus.core.errors import InputError
from gradus.data.memory import available_memory
from gradus.nets.caffe.layers.base import Shape, times
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.text.prototxt import Definition

FIELD = "hdf5_data_param.source"


class HDF5Data(Source):
    """One top for each dataset of its name; batches run on from one file into the next, and around.

    A file is held in memory where it takes at most half of what is free, and else read row by row.
    """

    ahead = 1

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = definition.message.hdf5_data_param
        self.batch = self.positive(p.batch_size, "hdf5_data_param.batch_size")
        if definition.message.HasField("transform_param"):
            raise self.error("does not transform its data", at="transform_param", hint="Remove transform_param.")
        self._names = list(definition.message.top)
        self._list = reading.path(definition, FIELD)
        with self.explaining(FIELD):
            text = self._list.read_text("utf-8", "surrogateescape")
            lines = [line.strip() for line in text.split("\n")]
            self._paths = [reading.root / line.replace("\0", "?") for line in lines if line]
        if not self._paths:
            raise self.error(f"has an empty list {self._list}", at=FIELD, hint="Write the path of a file on each line.")
        self._world = reading.world if reading.training else 1
        self._at = reading.rank if reading.training else 0
        self._random = reading.generator(f"{definition.name}/order", common=True) if p.shuffle else None
        self._files = np.arange(len(self._paths))
        if self._random is not None:
            self._random.shuffle(self._files)
        self._file, self._open = 0, -1  # the place in `_files`; which of `_paths` is loaded
        self._handle: h5py.File | None = None
        self._data: list[Any] = []  # arrays, or datasets of the open file
        self._rows: NDArray[np.intp] = np.arange(0)
        self._shapes: list[Shape] = []
        with self.explaining(FIELD):
            self._load()
        self._shapes = [(self.batch, *data.shape[1:]) for data in self._data]

    def shapes(self) -> list[Shape]:
        """As the first file says; the others must agree."""
        return self._shapes

    def read(self) -> list[Tensor]:
        """The next rows of all datasets."""
        parts: list[list[NDArray[np.float32]]] = [[] for _ in self._names]
        missing = self.batch
        with self.explaining(FIELD):
            while missing:
                while self._at >= len(self._rows):
                    self._at -= len(self._rows)
                    self._turn()
                rows = self._rows[self._at :: self._world][:missing]
                for part, data in zip(parts, self._data, strict=True):
                    part.append(_taken(data, rows))
                missing -= len(rows)
                self._at += self._world * len(rows)
        return [torch.from_numpy(part[0] if len(part) == 1 else np.concatenate(part)) for part in parts]

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
        self._data = []

    def _turn(self) -> None:
        """Go on with the next file, or around; shuffle anew what is to be shuffled."""
        self._file += 1
        if self._file == len(self._files):
            self._file = 0
            if self._random is not None:
                self._random.shuffle(self._files)
        self._load()

    def _load(self) -> None:
        index = int(self._files[self._file])
        if index != self._open:
            self.close()
            path = self._paths[index]
            try:
                self._handle = h5py.File(path, "r")
            except OSError as problem:
                reason = "does not exist" if not path.exists() else "cannot be read as HDF5"
                raise InputError(f"{path} {reason}", hint=f"Paths start at {self.reading.root}.") from problem
            self._data = [self._dataset(self._handle, path, name) for name in self._names]
            self._compare(path)
            if sum(data.size for data in self._data) * 4 <= available_memory() // 2:
                self._data = [np.asarray(data, np.float32) for data in self._data]
            self._rows, self._open = np.arange(len(self._data[0])), index
        if self._random is not None:
            self._random.shuffle(self._rows)

    def _dataset(self, file: h5py.File, path: Path, name: str) -> h5py.Dataset:
        data = file.get(name)
        if not isinstance(data, h5py.Dataset):
            found = ", ".join(sorted(file))[:200]
            raise InputError(f'{path} has no dataset "{name[:80]}"', hint=f"It has: {found or 'nothing'}.")
        if data.dtype.kind not in "fiub" or not data.shape or not data.size:
            kind = f"of {data.dtype}, {times(data.shape) if data.shape else 'without axes'}"
            raise InputError(f'{path}, dataset "{name[:80]}" is {kind}', hint="It needs rows of numbers.")
        return data

    def _compare(self, path: Path) -> None:
        """All datasets of a file have as many rows, and rows as those of the first file."""
        counts = [len(data) for data in self._data]
        if len(set(counts)) > 1:
            rows = ", ".join(f"{name} {count:,}" for name, count in zip(self._names, counts, strict=True))
            raise InputError(f"{path} has different numbers of rows: {rows}", hint="Each sample needs a row in all.")
        for name, data, first in zip(self._names, self._data, self._shapes, strict=False):
            if data.shape[1:] != first[1:]:
                here, there = times(data.shape[1:]), times(first[1:])
                raise InputError(
                    f'{path}, dataset "{name}" has rows of {here}, the first file of {there}',
                    hint="All files of the list need rows of one shape.",
                )


def _taken(data: Any, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Some rows as float32. HDF5 wants them in rising order."""
    if isinstance(data, np.ndarray):
        return np.asarray(data[rows], np.float32)
    steps = np.unique(np.diff(rows))
    if len(rows) == 1 or (len(steps) == 1 and steps[0] > 0):
        return np.asarray(data[rows[0] : rows[-1] + 1 : steps[0] if len(rows) > 1 else 1], np.float32)
    order = np.argsort(rows)
    out = np.empty((len(rows), *data.shape[1:]), np.float32)
    out[order] = data[rows[order]]
    return out
