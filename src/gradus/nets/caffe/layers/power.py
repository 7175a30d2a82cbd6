"""Powers, exponentials and logarithms of each value (catalogue 1.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape

NATURAL = -1  # the base that stands for e


class Power(Layer):
    """(shift + scale * x) ^ power."""

    keeps_shape = True
    settings = "power_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """With power or scale 0 the result does not depend on x; 0 ^ -1 is infinite, (-1) ^ 0.5 no number."""
        self.power, self.scale, self.shift = p.power, p.scale, p.shift
        self.constant: float | None = None
        if self.power * self.scale == 0:
            self.constant = torch.tensor(self.shift, dtype=torch.float64).pow(self.power).item() if self.power else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """As few passes over the data as the settings allow."""
        if self.constant is not None:
            return torch.full_like(x, self.constant)
        x = _linear(x, self.scale, self.shift)
        return x if self.power == 1 else x**self.power


class Exp(Layer):
    """base ^ (shift + scale * x)."""

    settings = "exp_param"
    overwritable = False  # backward reads the top

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Base e with all factors moved out of the exponent: base^shift * e^(ln(base) * scale * x)."""
        natural = _logarithm(self, p.base)
        self.inner = natural * p.scale
        try:
            self.outer = math.exp(natural * p.shift)
        except OverflowError as problem:
            raise self.error(
                f"has {p.base:g} to the power {p.shift:g}, too large a number", at="exp_param.shift"
            ) from problem

    def forward(self, x: Tensor) -> Tensor:
        """As few passes over the data as the settings allow."""
        y = torch.exp(x if self.inner == 1 else x * self.inner)
        return y if self.outer == 1 else y * self.outer


class Log(Layer):
    """The logarithm of shift + scale * x."""

    settings = "log_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """To any base but 1."""
        natural = _logarithm(self, p.base)
        if natural == 0:
            raise self.error("has base 1, to which there is no logarithm", at="log_param.base")
        self.scale, self.shift, self.factor = p.scale, p.shift, 1 / natural

    def forward(self, x: Tensor) -> Tensor:
        """As few passes over the data as the settings allow."""
        y = torch.log(_linear(x, self.scale, self.shift))
        return y if self.factor == 1 else y * self.factor


def _linear(x: Tensor, scale: float, shift: float) -> Tensor:
    if scale != 1:
        x = x * scale
    return x + shift if shift else x


def _logarithm(layer: Layer, base: float) -> float:
    """The natural logarithm of a layer's base, exactly 1 for e."""
    if base == NATURAL:
        return 1.0
    if not 0 < base < math.inf:
        raise layer.error(
            f"has base {base:g}", at=f"{layer.settings}.base", hint="A base is above 0; leave it out (or -1) for e."
        )
    return math.log(base)
