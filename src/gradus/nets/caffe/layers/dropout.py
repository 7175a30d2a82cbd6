"""Dropout (catalogue 1.5; Srivastava et al., 2014, scaled while training)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use


class Dropout(Layer):
    """In training zeros each value with a probability and scales up the rest; otherwise nothing.

    NVIDIA's random_seed is taken and not used: the run's own seed decides.
    """

    keeps_shape = True
    settings = "dropout_param"
    overwritable = False  # outside training the top is the bottom itself

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The share that is dropped, 0 up to but not including 1."""
        if not 0 <= p.dropout_ratio < 1:
            raise self.error("needs a dropout_ratio from 0 to less than 1", at="dropout_param.dropout_ratio")
        self.ratio = p.dropout_ratio

    def forward(self, x: Tensor) -> Tensor:
        """As in training."""
        return F.dropout(x, self.ratio, training=True)

    def step(self, use: Use) -> Callable[..., Any]:
        """Caffe's phase decides, not the module's mode."""
        return self.forward if use.training and self.ratio else _same


def _same(x: Tensor) -> Tensor:
    return x
