"""The seven ways in which Caffe changes weights, each through PyTorch's fused or foreach optimiser.

Formulas are catalogue section 3. With r = rate * lr_mult, g the gradient with its decay, h the history:

    SGD       h = m*h + r*g                     w -= h          NVIDIA's SAG: h = m*h + (1-m)*g, w -= r*h
    Nesterov  h' = m*h + r*g                    w -= (1+m)*h' - m*h
    AdaGrad   h += g^2                          w -= r*g / (sqrt(h) + delta)
    RMSProp   h = p*h + (1-p)*g^2               w -= r*g / (sqrt(h) + delta)
    AdaDelta  h = m*h + (1-m)*g^2               u = g*sqrt((h2 + delta)/(h + delta)), h2 = m*h2 + (1-m)*u^2, w -= r*u
    Adam      h = m*h + (1-m)*g                 h2 = q*h2 + (1-q)*g^2, w -= r*sqrt(1-q^t)/(1-m^t) * h/(sqrt(h2) + delta)

delta is taken as it is, as BVLC's Caffe does; NVIDIA's raises small ones to 0.0001 (RMSProp, Adam) or 0.001.

PyTorch keeps the rate of SGD outside its buffer v = m*v + (1-dampening)*g, w -= lr*v. With lr 1 and a dampening of
1-r that buffer is Caffe's h, so that the rate may change at every iteration and the history needs no conversion.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from gradus.core.errors import NetworkError
from gradus.nets.caffe.solvers import gradients
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.network import ParameterSpec

Group = dict[str, Any]

SMALLEST = 1e-30  # a momentum that changes nothing, yet keeps PyTorch's buffer


class Update(ABC):
    """Changes the parameters from their gradients. A lr_mult of 0 freezes one, and it then needs no gradient.

    Make it when the parameters are where they are trained: histories are laid out like them.
    """

    histories: ClassVar[tuple[str, ...]]  # PyTorch's names, in the order in which Caffe writes them
    fused_on: ClassVar[frozenset[str]] = frozenset()  # devices with one kernel for the whole update

    def __init__(self, specs: Sequence[ParameterSpec], settings: SolverSettings) -> None:
        self.iteration = 0  # updates made so far: Adam's t
        self._specs, self._settings = list(specs), settings
        for spec in specs:
            spec.tensor.requires_grad_(spec.lr_mult != 0)
        self._names: dict[str, Tensor] = {spec.name: spec.tensor for spec in specs if spec.lr_mult != 0}
        self._learned = list(self._names.values())
        fused = all(t.is_floating_point() and t.device.type in self.fused_on for t in self._learned)
        how = {"fused": True} if fused else {"foreach": True}
        self._torch = self._make(_groups(specs), how) if self._learned else None
        for tensor in self._learned:
            self._state(tensor).update({name: torch.zeros_like(tensor, requires_grad=False) for name in self._kept()})
            if not isinstance(self._torch, torch.optim.SGD):  # all others count their steps
                self._state(tensor)["step"] = torch.zeros(
                    (), dtype=torch.float32, device=tensor.device if fused else "cpu"
                )

    def step(
        self, rate: float, *, momentum: float | None = None, decay: float | None = None, scale: float = 1.0
    ) -> None:
        """One update at that learning rate, momentum and weight decay (where None: the settings').

        The gradients are the sums of `iter_size` backward passes; they are multiplied by `scale` first, which undoes
        a scaled loss. They are changed in place.
        """
        self.iteration += 1
        if self._torch is None:
            return
        settings = self._settings
        momentum = settings.momentum if momentum is None else momentum
        decay = settings.weight_decay if decay is None else decay
        gradients.normalise_(gradients.present(self._learned), settings, scale)
        for group in self._torch.param_groups:
            group["weight_decay"] = decay * group["decay_mult"]
            if settings.larc and settings.type == "SGD":
                self._local(group, rate, momentum)
                self._prepare(group, 1.0, momentum)
                continue
            if settings.regularization_type == "L1":
                self._decay(group)
            self._prepare(group, rate * group["lr_mult"], momentum)
        self._torch.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensor in self._learned:  # what PyTorch's own does, in a tenth of the time
            tensor.grad = None

    def history(self) -> list[Tensor]:
        """Caffe's history blobs: one for each parameter, then, with AdaDelta and Adam, a second for each."""
        return [self._history(spec.tensor, name) for name in self.histories for spec in self._specs]

    def load_history(self, blobs: Sequence[Tensor], iteration: int = 0) -> None:
        """Take over the history of a solver state that was written after that many iterations."""
        wanted = self.history()
        if len(blobs) != len(wanted):
            raise NetworkError(
                f"the solver state has {len(blobs)} history blobs, {self._settings.type} needs {len(wanted)}",
                hint="It was written by another type of solver, or for another network.",
            )
        for mine, given in zip(wanted, blobs, strict=True):
            if mine.numel() != given.numel():
                raise NetworkError(
                    f"a history blob of the solver state is {list(given.shape)}, the network's is {list(mine.shape)}",
                    hint="It was written for another network.",
                )
        for mine, given in zip(wanted, blobs, strict=True):
            mine.copy_(given.reshape(mine.shape))
        self._went(iteration)

    def state(self) -> dict[str, Tensor]:
        """The histories by names that contain the parameters' own, for a snapshot."""
        return {
            f"history{place or ''}.{name}": self._state(tensor)[kept]
            for place, kept in enumerate(self.histories)
            for name, tensor in self._names.items()
            if kept in self._state(tensor)
        }

    def load(self, tensors: Mapping[str, Tensor], iteration: int) -> None:
        """Go on from a snapshot's state after that many iterations; what it lacks starts from nothing."""
        for name, tensor in self.state().items():
            if name in tensors:
                tensor.copy_(tensors[name])
        self._went(iteration)

    @abstractmethod
    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        """PyTorch's optimiser."""

    @abstractmethod
    def _prepare(self, group: Group, rate: float, momentum: float) -> None:
        """Set what PyTorch computes one group with; `rate` has the group's lr_mult in it."""

    def _kept(self) -> tuple[str, ...]:
        """The histories that are needed at all."""
        return self.histories

    def _decay(self, group: Group) -> None:
        """Put the decay into the gradients, where PyTorch's own will not do."""
        found = gradients.present(group["params"])
        gradients.decay_(found, group["params"], group["weight_decay"], self._settings.regularization_type)
        group["weight_decay"] = 0.0

    def _local(self, group: Group, rate: float, momentum: float) -> None:
        """Put LARC's rates into the gradients: they come from the gradients without their decay."""
        found = gradients.present(group["params"])
        rates = gradients.larc_rates(group["params"], found, self._settings, rate, 1 - momentum)
        self._decay(group)
        torch._foreach_mul_(found, list(rates.unbind()))

    def _state(self, tensor: Tensor) -> dict[str, Any]:
        assert self._torch is not None
        found: dict[str, Any] = self._torch.state[tensor]
        return found

    def _history(self, tensor: Tensor, name: str) -> Tensor:
        """One history; a parameter that is not learned has one of zeros."""
        found = self._state(tensor).get(name) if tensor.requires_grad else None
        return torch.zeros_like(tensor, requires_grad=False) if found is None else found

    def _went(self, iteration: int) -> None:
        self.iteration = iteration
        for tensor in self._learned:
            if "step" in (state := self._state(tensor)):
                state["step"].fill_(float(iteration))


class Sgd(Update):
    """Stochastic gradient descent with momentum."""

    histories = ("momentum_buffer",)
    fused_on = frozenset({"cpu", "cuda", "mps"})

    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, **how)

    def _kept(self) -> tuple[str, ...]:
        """Without momentum PyTorch keeps no buffer, and nobody would read it."""
        return self.histories if self._moves() else ()

    def _moves(self) -> bool:
        return self._settings.momentum > 0 or self._settings.momentum_policy != "fixed"

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:
        if self._moves():
            group.update(lr=1.0, momentum=max(momentum, SMALLEST), dampening=1 - rate)
        else:
            group.update(lr=rate, momentum=0.0, dampening=0.0)


class Sag(Sgd):
    """NVIDIA's averaged gradient: its history does not hold the rate."""

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:
        group.update(lr=rate, momentum=max(momentum, SMALLEST) if self._moves() else 0.0, dampening=momentum)


class Nesterov(Sgd):
    """Nesterov's momentum: PyTorch adds g + m*h', which is (1+m)*h' - m*h once the rate is in the gradient."""

    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, momentum=self._settings.momentum, nesterov=self._moves(), **how)

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:
        torch._foreach_mul_(gradients.present(group["params"]), rate)
        group.update(lr=1.0, momentum=momentum, weight_decay=group["weight_decay"] * rate)


class AdaGrad(Update):
    """Rates that fall with the sum of squared gradients."""

    histories = ("sum",)
    fused_on = frozenset({"cpu"})

    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        return torch.optim.Adagrad(groups, eps=self._settings.delta, **how)

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:  # noqa: ARG002 - it has none
        group["lr"] = rate


class RmsProp(Update):
    """Rates over the root of the mean squared gradient."""

    histories = ("square_avg",)

    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(groups, alpha=self._settings.rms_decay, eps=self._settings.delta, **how)

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:  # noqa: ARG002 - it has none
        group["lr"] = rate


class AdaDelta(Update):
    """Rates from the mean squared updates over the mean squared gradients."""

    histories = ("square_avg", "acc_delta")

    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        return torch.optim.Adadelta(groups, rho=self._settings.momentum, eps=self._settings.delta, **how)

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:
        group.update(lr=rate, rho=momentum)


class Adam(Update):
    """First and second moments. PyTorch adds its eps to the corrected second moment, Caffe to the plain one."""

    histories = ("exp_avg", "exp_avg_sq")
    fused_on = frozenset({"cpu", "cuda", "mps"})

    def _make(self, groups: list[Group], how: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(groups, **how)

    def _prepare(self, group: Group, rate: float, momentum: float) -> None:
        second = self._settings.momentum2
        delta = self._settings.delta / math.sqrt(1 - second**self.iteration)
        group.update(lr=rate, betas=(momentum, second), eps=delta)


UPDATES: dict[str, type[Update]] = {
    "SGD": Sgd,
    "Nesterov": Nesterov,
    "AdaGrad": AdaGrad,
    "RMSProp": RmsProp,
    "AdaDelta": AdaDelta,
    "Adam": Adam,
    "SAG": Sag,
}
"""By Caffe's type names."""


def _groups(specs: Sequence[ParameterSpec]) -> list[Group]:
    """PyTorch's parameter groups: one for each pair of multipliers."""
    found: dict[tuple[float, float], list[Tensor]] = {}
    for spec in specs:
        if spec.lr_mult != 0:
            found.setdefault((spec.lr_mult, spec.decay_mult), []).append(spec.tensor)
    return [
        {"params": tensors, "lr_mult": lr_mult, "decay_mult": decay_mult}
        for (lr_mult, decay_mult), tensors in found.items()
    ]
