"""The learning rate, the momentum and the weight decay at each iteration, counted from 0 (catalogue section 3).

All are functions of the iteration alone. Caffe counts the steps of `multistep` in its state instead, one in an
iteration at most; counted from the first iteration that comes to the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gradus.nets.caffe.solvers.settings import SolverSettings

MAX_MOMENTUM = 0.99  # NVIDIA's default limit for the policy poly


def rate(settings: SolverSettings, iteration: int) -> float:
    """The learning rate that an iteration is made with, before each blob's lr_mult. Too large is infinite."""
    if iteration < settings.rampup_interval:
        ramp = (iteration / settings.rampup_interval) ** 2
        value = settings.rampup_lr + (settings.base_lr - settings.rampup_lr) * ramp
    else:
        try:
            value = RATES[settings.lr_policy](settings, iteration)
        except OverflowError:
            value = math.inf
    return max(value, settings.min_lr)


def current_step(settings: SolverSettings, iteration: int) -> int:
    """How often the rate has fallen by then: `current_step` of a solver state."""
    if iteration < settings.rampup_interval:
        return 0
    if settings.lr_policy == "step":
        return iteration // settings.stepsize
    if settings.lr_policy != "multistep":
        return 0
    steps, earliest = 0, settings.rampup_interval
    for value in settings.stepvalue:
        at = max(value, earliest)
        if iteration < at:
            break
        steps, earliest = steps + 1, at + 1
    return steps


def momentum(settings: SolverSettings, iteration: int) -> float:
    """The momentum of an iteration. NVIDIA's policies move that of SGD and SAG alone."""
    base, policy, most = settings.momentum, settings.momentum_policy, settings.max_momentum
    if policy == "fixed" or settings.type not in ("SGD", "SAG"):
        return base
    if policy == "poly":
        limit = MAX_MOMENTUM if most is None else most
        return base + (limit - base) * _done(settings, iteration, settings.momentum_power)
    best = (1 - 0.5 * math.sqrt(rate(settings, iteration))) ** 2
    return best if most is None else min(best, most)


def weight_decay(settings: SolverSettings, iteration: int) -> float:
    """The weight decay of an iteration, before each blob's decay_mult."""
    base = settings.weight_decay
    if settings.weight_decay_policy == "fixed":
        return base
    return base + (settings.max_weight_decay - base) * _done(settings, iteration, settings.weight_decay_power)


def _done(settings: SolverSettings, iteration: int, power: float = 1.0) -> float:
    """The part of the training that is over, to that power."""
    return math.pow(min(1.0, iteration / settings.max_iter), power)


def _stepped(s: SolverSettings, iteration: int) -> float:
    return s.base_lr * math.pow(s.gamma, current_step(s, iteration))


def _inv(s: SolverSettings, iteration: int) -> float:
    return s.base_lr * math.pow(1 + s.gamma * iteration, -s.power)


def _poly(s: SolverSettings, iteration: int) -> float:
    left = 1 - _done(s, iteration)
    if left == 0 and s.power < 0:
        return math.inf
    return (s.base_lr - s.min_lr) * math.pow(left, s.power) + s.min_lr


def _sigmoid(s: SolverSettings, iteration: int) -> float:
    exponent = -s.gamma * (iteration - s.stepsize)
    return s.base_lr / (1 + math.exp(exponent)) if exponent < 700 else 0.0  # exp(710) overflows


RATES: dict[str, Callable[[SolverSettings, int], float]] = {
    "fixed": lambda s, _: s.base_lr,
    "step": _stepped,
    "exp": lambda s, iteration: s.base_lr * math.pow(s.gamma, iteration),
    "inv": _inv,
    "multistep": _stepped,
    "poly": _poly,
    "sigmoid": _sigmoid,
}
