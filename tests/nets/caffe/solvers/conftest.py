"""Caffe's rules of catalogue section 3 in numpy and double precision, and parameters to try them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.network import ParameterSpec

Array = NDArray[np.float64]


@dataclass
class Blob:
    """One parameter of the reference, with its histories."""

    w: Array
    lr_mult: float
    decay_mult: float
    h: Array = field(init=False)
    h2: Array = field(init=False)

    def __post_init__(self) -> None:
        self.h, self.h2 = np.zeros_like(self.w), np.zeros_like(self.w)


def caffe_step(s: SolverSettings, blobs: list[Blob], gradients: list[Array], rate: float, iteration: int) -> None:
    """One ApplyUpdate on gradients that are sums over iter_size passes."""
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    clip = s.clip_gradients / norm if 0 <= s.clip_gradients < norm else 1.0
    for blob, raw in zip(blobs, gradients, strict=True):
        decay = s.weight_decay * blob.decay_mult
        g = raw * clip / s.iter_size + decay * (np.sign(blob.w) if s.regularization_type == "L1" else blob.w)
        r, m = rate * blob.lr_mult, s.momentum
        match s.type:
            case "SGD":
                blob.h = m * blob.h + r * g
                change = blob.h
            case "Nesterov":
                before = blob.h
                blob.h = m * before + r * g
                change = (1 + m) * blob.h - m * before
            case "SAG":
                blob.h = m * blob.h + (1 - m) * g
                change = r * blob.h
            case "AdaGrad":
                blob.h = blob.h + g**2
                change = r * g / (np.sqrt(blob.h) + s.delta)
            case "RMSProp":
                blob.h = s.rms_decay * blob.h + (1 - s.rms_decay) * g**2
                change = r * g / (np.sqrt(blob.h) + s.delta)
            case "AdaDelta":
                blob.h = m * blob.h + (1 - m) * g**2
                u = g * np.sqrt((blob.h2 + s.delta) / (blob.h + s.delta))
                blob.h2 = m * blob.h2 + (1 - m) * u**2
                change = r * u
            case "Adam":
                t, q = iteration + 1, s.momentum2
                blob.h = m * blob.h + (1 - m) * g
                blob.h2 = q * blob.h2 + (1 - q) * g**2
                change = r * np.sqrt(1 - q**t) / (1 - m**t) * blob.h / (np.sqrt(blob.h2) + s.delta)
        blob.w = blob.w - change


@dataclass
class Trial:
    """The same parameters, learned by us and by the reference."""

    specs: list[ParameterSpec]
    blobs: list[Blob]

    def pull(self, step: int) -> list[Tensor]:
        """Gradients that do not depend on the weights, so that errors do not cancel out."""
        found = []
        for place, spec in enumerate(self.specs):
            generator = torch.Generator().manual_seed(1000 * step + place)
            gradient = torch.randn(spec.tensor.shape, generator=generator).to(spec.tensor.dtype)
            # autograd lays a gradient out like its parameter, and the fused kernels rely on it
            found.append(gradient.to(memory_format=torch.channels_last) if gradient.dim() == 4 else gradient)
        return found

    def give(self, step: int) -> list[Array]:
        """Put them in place; what is frozen gets none. The same for the reference."""
        gradients = self.pull(step)
        for spec, gradient in zip(self.specs, gradients, strict=True):
            spec.tensor.grad = gradient.clone() if spec.lr_mult else None
        return [g.double().numpy() * (spec.lr_mult != 0) for g, spec in zip(gradients, self.specs, strict=True)]

    def assert_equal(self, tolerance: float) -> None:
        for spec, blob in zip(self.specs, self.blobs, strict=True):
            np.testing.assert_allclose(spec.tensor.detach().numpy(), blob.w, rtol=tolerance, atol=tolerance)


def trial(dtype: torch.dtype = torch.float32) -> Trial:
    """A weight that lies channels_last, a bias at twice the rate without decay, one with half of it, a frozen one."""
    torch.manual_seed(3)
    weight = torch.randn(6, 4, 3, 3).to(memory_format=torch.channels_last)
    given = [("conv.weight", weight, 1.0, 1.0), ("conv.bias", torch.randn(6), 2.0, 0.0),
             ("ip.weight", torch.randn(5, 7), 1.0, 0.5), ("frozen", torch.randn(3), 0.0, 1.0)]  # fmt: skip
    specs = [ParameterSpec(name, nn.Parameter(t.to(dtype)), lr, decay) for name, t, lr, decay in given]
    return Trial(specs, [Blob(s.tensor.detach().double().numpy().copy(), s.lr_mult, s.decay_mult) for s in specs])


@pytest.fixture(name="trial")
def _trial() -> Callable[..., Trial]:
    return trial


@pytest.fixture(name="caffe_step")
def _caffe_step() -> Callable[..., None]:
    return caffe_step
