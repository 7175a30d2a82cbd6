"""Caffe's stochastic gradient descent, through PyTorch's fused one.

Caffe:    h = m*h + r*(g + d*w),  w -= h        the rate r is inside the history h
PyTorch:  v = m*v + (g + d*w),    w -= r*v      the rate is outside the buffer v

With h = r*v the two are one rule while r is constant. When it changes from r to s, the history must stay
what it is, so the buffer becomes v*r/s; nothing else differs (caffe-1.0 sgd_solver.cpp, ComputeUpdateValue).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gradus.core.model import TrainingOptions
from gradus.engine.optimisers.optimiser import Optimiser
from gradus.nets.network import ParameterSpec

_BUFFER = "momentum_buffer"  # PyTorch's name in its state
_PREFIX = "momentum."  # ours in a snapshot


class Sgd(Optimiser):
    """Momentum SGD with L2 decay, grouped by (lr_mult, decay_mult); a lr_mult of 0 freezes the parameter."""

    def __init__(self, parameters: Sequence[ParameterSpec], options: TrainingOptions) -> None:
        self._rate = options.learning_rate
        self._learned = {spec.name: spec.tensor for spec in parameters if spec.lr_mult != 0}
        self._torch = torch.optim.SGD(
            _groups(parameters, options.decay, options.learning_rate),
            lr=options.learning_rate,
            momentum=options.momentum,
            **_fastest(self._learned.values()),
        )
        for spec in parameters:
            spec.tensor.requires_grad_(spec.lr_mult != 0)

    def step(self, rate: float) -> None:
        """One update; the history is carried over unchanged where the rate is a new one."""
        if rate != self._rate:
            self._change(rate)
        self._torch.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensor in self._learned.values():  # what PyTorch's own does, in a tenth of the time
            tensor.grad = None

    def state(self) -> dict[str, Tensor]:
        """The momentum buffers v (not Caffe's h: dividing and multiplying again would not be bit for bit)."""
        state = self._torch.state
        return {
            _PREFIX + name: state[tensor][_BUFFER]
            for name, tensor in self._learned.items()
            if state.get(tensor, {}).get(_BUFFER) is not None
        }

    def load(self, tensors: Mapping[str, Tensor], rate: float) -> None:
        """Take over the buffers; those that a snapshot lacks start from nothing."""
        for name, tensor in self._learned.items():
            if (given := tensors.get(_PREFIX + name)) is not None:
                # like the parameter in memory too: the fused kernel walks both in storage order
                self._torch.state[tensor][_BUFFER] = torch.zeros_like(tensor).copy_(given)
        self._rate = rate
        self._set(rate)

    def _change(self, rate: float) -> None:
        ratio = self._rate / rate
        for tensor in self._learned.values():
            buffer = self._torch.state.get(tensor, {}).get(_BUFFER)
            if buffer is not None:
                buffer.mul_(ratio)
        self._rate = rate
        self._set(rate)

    def _set(self, rate: float) -> None:
        for group in self._torch.param_groups:
            group["lr"] = rate * group["lr_mult"]


def _groups(parameters: Sequence[ParameterSpec], decay: float, rate: float) -> list[dict[str, object]]:
    """PyTorch's parameter groups: one for each pair of multipliers."""
    found: dict[tuple[float, float], list[Tensor]] = {}
    for spec in parameters:
        if spec.lr_mult != 0:
            found.setdefault((spec.lr_mult, spec.decay_mult), []).append(spec.tensor)
    return [
        {"params": tensors, "lr": rate * lr_mult, "lr_mult": lr_mult, "weight_decay": decay * decay_mult}
        for (lr_mult, decay_mult), tensors in found.items()
    ]


def _fastest(tensors: object) -> dict[str, bool]:
    """The fused kernel where PyTorch has one for every tensor (CPU, CUDA, float), else one list at a time."""
    listed = list(tensors)  # type: ignore[call-overload]
    fused = all(t.is_floating_point() and t.device.type in {"cpu", "cuda"} for t in listed)
    return {"fused": True} if fused else {"foreach": True}
