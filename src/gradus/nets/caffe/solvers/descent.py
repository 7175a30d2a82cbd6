"""An update together with the policies that say how large it is at each iteration."""

from __future__ import annotations

from collections.abc import Sequence

from gradus.nets.caffe.solvers import policies
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.caffe.solvers.updates import UPDATES
from gradus.nets.network import ParameterSpec


class Descent:
    """How a solver's settings change these parameters, iteration by iteration. `update` holds the history."""

    def __init__(self, specs: Sequence[ParameterSpec], settings: SolverSettings) -> None:
        self.settings = settings
        self.update = UPDATES[settings.type](specs, settings)

    def rate(self, iteration: int) -> float:
        """The learning rate of an iteration, counted from 0."""
        return policies.rate(self.settings, iteration)

    def step(self, iteration: int, *, scale: float = 1.0) -> float:
        """One update from the gradients of `iter_size` backward passes; returns the rate it was made with."""
        rate = self.rate(iteration)
        self.update.step(
            rate,
            momentum=policies.momentum(self.settings, iteration),
            decay=policies.weight_decay(self.settings, iteration),
            scale=scale,
        )
        return rate
