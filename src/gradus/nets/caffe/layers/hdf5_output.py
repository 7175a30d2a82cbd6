"""HDF5Output: what comes in is written to a file (catalogue 1.6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times

NAMES = ("data", "label")


class HDF5Output(Layer):
    """Appends its two bottoms to the datasets `data` and `label` of a file: float32, with four axes or more.

    The first batch makes the file anew, and it is complete after each: Caffe itself can write one batch only. A
    relative `file_name` is seen from the working folder.
    """

    settings = "hdf5_output_param"
    bottoms = (2, 2)
    tops = (0, 0)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Both bottoms need as many rows."""
        if not p.file_name or "\0" in p.file_name:
            raise self.error("names no file", at="hdf5_output_param.file_name", hint='For example: file_name: "x.h5"')
        if not shapes[0] or not shapes[1] or shapes[0][0] != shapes[1][0]:
            raise self.error(f"takes {times(shapes[0])} and {times(shapes[1])}: not as many rows", at="bottom")
        self.path = Path(p.file_name)
        self.started = False

    @torch.no_grad()
    def forward(self, data: Tensor, label: Tensor) -> tuple[()]:
        """Write; nothing while only shapes are computed."""
        if data.device.type != "meta":
            try:
                with h5py.File(self.path, "a" if self.started else "w") as file:
                    for name, rows in zip(NAMES, (data, label), strict=True):
                        _append(file, name, rows)
            except OSError as problem:
                reason = f"cannot write {self.path}: {problem.strerror or problem}"
                hint = "Is there room, and may it be written?"
                raise self.error(reason, at="hdf5_output_param.file_name", hint=hint) from problem
            self.started = True
        return ()


def _append(file: h5py.File, name: str, rows: Tensor) -> None:
    values = rows.detach().float().cpu().numpy()
    values = values.reshape(*values.shape, *[1] * (4 - values.ndim))  # labels are (N, 1, 1, 1), as in Caffe
    if name not in file:
        file.create_dataset(name, data=values, maxshape=(None, *values.shape[1:]))
        return
    dataset = file[name]
    dataset.resize(len(dataset) + len(values), axis=0)
    dataset[-len(values) :] = values
