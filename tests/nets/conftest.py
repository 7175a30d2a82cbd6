"""Helpers for tests of networks: one layer alone, run in float64 on numpy arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from gradus.core.network import NetworkInput
from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.text.prototxt import parse_network


@dataclass
class Alone:
    """A net of inputs `a`, `b`, ... and one layer."""

    builder: Builder
    layer: Any
    plan: Any

    def __call__(self, *arrays: np.ndarray) -> Any:
        values = self.plan.fill([torch.as_tensor(a) for a in arrays], keep=True)
        tops = [values[slot].detach().numpy() for slot in self.plan.steps[0].writes]
        return tops[0] if len(tops) == 1 else tops

    def differentiable(self, *tensors: torch.Tensor) -> Any:
        return self.plan.steps[0].call(*tensors)

    def gradients(self, *arrays: np.ndarray, of: np.ndarray | float = 1.0) -> list[np.ndarray | None]:
        """Of the sum of the top times `of`: for each bottom, or None where nothing goes down to it."""
        tensors = [torch.as_tensor(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
        (self.differentiable(*tensors) * torch.as_tensor(of)).sum().backward()
        return [None if t.grad is None else t.grad.numpy() for t in tensors]

    def set(self, **blobs: np.ndarray) -> None:
        for name, value in blobs.items():
            getattr(self.layer, name).data.copy_(torch.as_tensor(value))

    def get(self, name: str) -> np.ndarray:
        return getattr(self.layer, name).detach().numpy().copy()


@pytest.fixture
def alone() -> Callable[..., Alone]:
    def make(text: str, *shapes: tuple[int, ...], training: bool = False) -> Alone:
        names = "abcdef"[: len(shapes)]
        inputs = "".join(
            f'layer {{ name: "in_{n}" type: "Input" top: "{n}" input_param {{ shape {{'
            + " ".join(f"dim: {d}" for d in shape)
            + " } } }"
            for n, shape in zip(names, shapes, strict=True)
        )
        bottoms = " ".join(f'bottom: "{n}"' for n in names)
        tops = "" if "top:" in text else 'top: "y"'
        _, definitions = parse_network(f'{inputs}\nlayer {{ name: "it" {bottoms} {tops} {text} }}')
        builder = Builder()
        feeds = {f"in_{n}": [shape] for n, shape in zip(names, shapes, strict=True)}
        built = builder.build("deploy", definitions, feeds, training=training, keep=True)
        builder.place("cpu")
        builder.module.double()
        return Alone(builder, built.placed[-1].layer, built.plan)

    return make


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture
def mnist_like() -> NetworkInput:
    return NetworkInput(width=28, height=28, channels=1, classes=10)
