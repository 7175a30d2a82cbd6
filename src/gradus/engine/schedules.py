"""The learning rate at each iteration: one row for each policy.

Formulas are Caffe's (its `lr_policy`). DIGITS gives steps in percent of the training, so that a policy
keeps its shape when the number of epochs changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gradus.core.errors import InputError
from gradus.core.model import LearningRatePolicy, TrainingOptions
from gradus.core.pace import Pace

Schedule = Callable[[int], float]
"""From the iteration, counted from 0, to the learning rate it is made with."""

LOWEST = 1e-12  # of the base rate. Below it a step is lost in float32's rounding, yet h/lr must stay finite


def schedule(options: TrainingOptions, pace: Pace) -> Schedule:
    """The learning rate that the options ask for, over a training of that length."""
    try:
        policy = POLICIES[options.policy]
    except KeyError:
        known = ", ".join(sorted(POLICIES))
        raise InputError(f"There is no learning-rate policy {options.policy!r}.", field="policy", hint=known) from None
    rate = policy(options, pace)
    floor = options.learning_rate * LOWEST
    return lambda iteration: max(rate(iteration), floor)


def _fixed(options: TrainingOptions, pace: Pace) -> Schedule:  # noqa: ARG001 - a row of the table
    return lambda _: options.learning_rate


def _step(options: TrainingOptions, pace: Pace) -> Schedule:
    """base * gamma ^ floor(iteration / stepsize)."""
    size = pace.step_size(options.step_percent)
    return lambda iteration: _times_power(options.learning_rate, options.gamma, iteration // size)


def _times_power(base: float, factor: float, exponent: int) -> float:
    try:
        return base * math.pow(factor, exponent)
    except OverflowError:
        return math.inf


POLICIES: dict[str, Callable[[TrainingOptions, Pace], Schedule]] = {
    LearningRatePolicy.FIXED: _fixed,
    LearningRatePolicy.STEP: _step,
}
