"""One pass over a split without learning: the validation of a training, and evaluations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from lightning_fabric import Fabric
from torch import Tensor

from gradus.core.dataset import DatasetFacts, Split
from gradus.core.network import Phase
from gradus.data.batches import Samples
from gradus.engine.feed import Feed, feed
from gradus.engine.preparation import Preparation
from gradus.engine.sampler import PlainOrder
from gradus.engine.series import Average
from gradus.nets.network import Network, Outputs

Heard = Callable[[int, int], bool]
"""Told how many pictures of how many are done; answers whether to go on."""


class Pass:
    """The batches of one split, opened once and gone through as often as wanted."""

    def __init__(
        self, network: Network, preparation: Preparation, fabric: Fabric, samples: Samples, batch_size: int
    ) -> None:
        self._network, self._preparation, self._fabric = network, preparation, fabric
        self._count = len(samples)
        order = PlainOrder(self._count, batch_size)
        self._steps = order.steps
        self._feed: Feed = feed(samples, order.indices, fabric.device, order.steps)

    def run(self, phase: Phase, heard: Heard) -> Iterator[tuple[Outputs, Tensor]]:
        """The network's outputs and the labels, batch by batch; ends early when `heard` says so."""
        done = 0
        for step in range(self._steps):
            with torch.inference_mode(), self._fabric.autocast():
                pixels, labels = self._feed.batch(step)
                images = self._preparation.evaluation(pixels)
                outputs = self._network.forward(images, None if phase == "deploy" else labels, phase)
            yield outputs, labels
            done += len(labels)
            if not heard(done, self._count):
                return

    def close(self) -> None:
        """Release the database."""
        self._feed.close()


class Validation:
    """The means of the network's scalar outputs over the validation split."""

    def __init__(self, batches: Pass, count: int) -> None:
        self._pass, self._count = batches, count

    def run(self, heard: Heard) -> dict[str, float | None] | None:
        """`val/loss`, `val/accuracy` and what else the network says; None where `heard` ended it."""
        average, done = Average("val/"), 0
        for outputs, labels in self._pass.run("val", heard):
            average.add(outputs, len(labels))
            done += len(labels)
        return average.read() if done == self._count else None

    def close(self) -> None:
        """Release the database."""
        self._pass.close()


def count_of(facts: DatasetFacts, split: Split) -> int:
    """Samples of a split, 0 where there is none."""
    found = facts.split(split)
    return found.count if found else 0
