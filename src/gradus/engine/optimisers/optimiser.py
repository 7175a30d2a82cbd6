"""What the loop knows of an optimiser."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor

from gradus.core.model import TrainingOptions
from gradus.nets.network import ParameterSpec


class Optimiser(ABC):
    """Changes the weights from their gradients, at a rate that the schedule gives for each step."""

    @abstractmethod
    def __init__(self, parameters: Sequence[ParameterSpec], options: TrainingOptions) -> None: ...

    @abstractmethod
    def step(self, rate: float) -> None:
        """One update at that base learning rate; each parameter multiplies it by its own lr_mult."""

    @abstractmethod
    def zero_grad(self) -> None:
        """Forget the gradients."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """What a snapshot keeps, by names that contain the parameters' own."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Tensor], rate: float) -> None:
        """Go on from a snapshot's state. `rate` is the last one that a step was made with."""
