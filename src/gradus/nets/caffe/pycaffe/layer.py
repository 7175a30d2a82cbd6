"""The base of layers written in Python."""

from __future__ import annotations

from typing import Any

from gradus.nets.caffe.pycaffe.blob import Blob, BlobVec


class Layer:
    """What a user's layer derives from. Caffe calls, in this order: `setup` once, `reshape` before each `forward`.

    `param_str` is the text's `python_param.param_str`, `phase` 0 in training and 1 in testing; `setup` may add
    learned parameters with `self.blobs.add_blob(*shape)`. Bottoms and tops are lists of blobs.
    """

    type = "Python"

    def __init__(self, layer_param: Any = None) -> None:
        self.layer_param = layer_param
        self.param_str: str = layer_param.python_param.param_str if layer_param is not None else ""
        self.phase: int = layer_param.phase if layer_param is not None else 1
        self.blobs = BlobVec()

    @property
    def param_str_(self) -> str:
        """The name that `param_str` had before 2015."""
        return self.param_str

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Check the bottoms and read `param_str`."""

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Give the tops their shapes."""

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Write the tops' `data`."""

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        """Write the `diff` of each bottom that is to be propagated to; the order of the arguments is Caffe's."""
