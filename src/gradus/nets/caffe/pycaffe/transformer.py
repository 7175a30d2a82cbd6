"""From pictures to what a net's input takes, and back (catalogue 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradus.nets.caffe.pycaffe.errors import CaffeValueError
from gradus.nets.caffe.pycaffe.warp import resize_image


class Transformer:
    """Per input: resize, transpose, swap channels, multiply by the raw scale, subtract the mean, scale; in this order.

    `inputs` gives each input's shape, (N, C, H, W).
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = dict(inputs)
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """A picture (H, W, K) as the net takes it, in general (K, H, W); `data` stays as it is."""
        self._known(in_)
        values = np.array(data, np.float32)
        sides = tuple(self.inputs[in_][2:])
        if values.shape[:2] != sides:
            values = resize_image(values, sides)
        if in_ in self.transpose:
            values = values.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            values = values[list(self.channel_swap[in_])]
        if in_ in self.raw_scale:
            values = values * np.float32(self.raw_scale[in_])
        if in_ in self.mean:
            values = values - self.mean[in_]
        if in_ in self.input_scale:
            values = values * np.float32(self.input_scale[in_])
        return values

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """The way back; a resize is not undone."""
        self._known(in_)
        values = np.array(data, np.float32).squeeze()
        if in_ in self.input_scale:
            values = values / np.float32(self.input_scale[in_])
        if in_ in self.mean:
            values = values + self.mean[in_]
        if in_ in self.raw_scale:
            values = values / np.float32(self.raw_scale[in_])
        if in_ in self.channel_swap:
            values = values[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            values = values.transpose(np.argsort(self.transpose[in_]))
        return values

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """The order of the axes: (2, 0, 1) makes (H, W, K) into (K, H, W)."""
        self._known(in_)
        if len(order) != len(self.inputs[in_]) - 1:
            raise CaffeValueError("Transpose order needs to have the same number of dimensions as the input.")
        self.transpose[in_] = tuple(order)

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """The order of the channels: (2, 1, 0) makes RGB into BGR."""
        self._known(in_)
        if len(order) != self.inputs[in_][1]:
            raise CaffeValueError("Channel swap needs to have the same number of dimensions as the input channels.")
        self.channel_swap[in_] = tuple(order)

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """What is multiplied before the mean is subtracted: 255 for pictures of 0 to 1."""
        self._known(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: Any) -> None:
        """What is subtracted: one value a channel, or a mean picture (K, H, W) or (H, W), resized if need be."""
        self._known(in_)
        values = np.array(mean, np.float32)
        shape = tuple(self.inputs[in_][1:])
        if values.ndim == 1:
            if values.shape[0] != shape[0]:
                raise CaffeValueError("Mean channels incompatible with input.")
            values = values[:, None, None]
        else:
            values = values[None] if values.ndim == 2 else values
            if values.ndim != 3:
                raise CaffeValueError("Mean shape invalid", hint="Give a value a channel, or channels, height, width.")
            if values.shape != shape:
                values = resize_image(values.transpose(1, 2, 0), shape[1:]).transpose(2, 0, 1)
        self.mean[in_] = values

    def set_input_scale(self, in_: str, scale: float) -> None:
        """What is multiplied after the mean is subtracted."""
        self._known(in_)
        self.input_scale[in_] = scale

    def _known(self, in_: str) -> None:
        if in_ not in self.inputs:
            known = ", ".join(self.inputs)
            raise CaffeValueError(f"{in_} is not one of the net inputs: {known}", hint="Give the name of an input.")
