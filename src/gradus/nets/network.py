"""What the engine knows of a network, whatever language its text is written in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gradus.core.network import Graph, Phase


class ParameterSpec(NamedTuple):
    """One learned tensor and how it learns: its rate and its decay are multiples of the solver's.

    A rate of 0 means that it stays as it is (the tensor then needs no gradient).
    """

    name: str  # "conv1.weight"
    tensor: nn.Parameter
    lr_mult: float
    decay_mult: float


@dataclass(slots=True)
class Outputs:
    """What one pass gives. `values` are detached: every output of the phase, scalars and scores alike.

    `loss` is the sum of weight times top over all tops with a loss weight, None where there is none.
    """

    values: dict[str, Tensor] = field(default_factory=dict)
    loss: Tensor | None = None


class Network(ABC):
    """A compiled network: one torch module whose parameters are shared by the phases train, val and deploy.

    `module(images, labels, phase)` runs it, wrapped (Fabric, DDP) or not. Images are float (N, C, H, W),
    already cropped, mean-subtracted and scaled; channels_last is welcome. Labels are int64 (N,), or None in deploy.
    """

    module: nn.Module
    batch_proposed: int | None = None  # by the text, before anything given overrides it
    crop_size: int | None = None  # pixels; what is cut out of every picture, None: the whole
    mirror: bool = False  # whether training flips pictures at random
    scale: float = 1.0  # pictures are multiplied by it after the mean is subtracted
    scores: str = ""  # the output of deploy that holds a probability per class
    texts: Mapping[str, str] = {}  # files to write in the model's folder, by name

    def forward(self, images: Tensor, labels: Tensor | None, phase: Phase) -> Outputs:
        """Run one phase on a batch."""
        outputs: Outputs = self.module(images, labels, phase)
        return outputs

    @abstractmethod
    def graph(self, phase: Phase) -> Graph:
        """What is drawn of one phase."""

    @abstractmethod
    def input_shape(self, phase: Phase) -> tuple[int, int, int]:
        """Channels, height and width that `forward` takes."""

    @abstractmethod
    def batch_size(self, phase: Phase) -> int | None:
        """Pictures in a batch: what was given, else what the text says, else its language's default."""

    @abstractmethod
    def parameters(self) -> list[ParameterSpec]:
        """Every learned tensor once, in the order of the text."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Every tensor that a snapshot keeps (parameters and running statistics) once, by a stable name."""

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Fill all weights as the text says. The same seed gives the same weights on every device."""

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy a snapshot's tensors in; a name or shape that does not fit is a NetworkError."""
        from gradus.core.errors import NetworkError

        mine = self.state()
        if missing := sorted(mine.keys() - tensors.keys()):
            raise NetworkError(f"the weights lack {', '.join(missing[:5])}", hint="They belong to another network.")
        with torch.no_grad():
            for name, tensor in mine.items():
                given = tensors[name]
                if given.shape != tensor.shape:
                    raise NetworkError(
                        f"the weights of {name} are {list(given.shape)}, the network's are {list(tensor.shape)}",
                        hint="They belong to another network, or to one with another number of classes.",
                    )
                tensor.copy_(given)
