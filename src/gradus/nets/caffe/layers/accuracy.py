"""How many are right (catalogue 1.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use
from gradus.nets.caffe.layers.loss import check_labels, rows


class Accuracy(Layer):
    """The share of samples whose true class is among the `top_k` best; a tie counts against it.

    So does Caffe's master. Its releases up to 1.0 and NVIDIA's let the class with the larger number win a tie.
    """

    settings = "accuracy_param"
    bottoms = (2, 2)
    tops = (1, 2)
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """How many guesses count, and which label is left out."""
        self.dim = self.axis(p.axis, len(shapes[0]))
        check_labels(self, shapes, self.dim)
        self.top_k = self.positive(p.top_k, "top_k")
        classes = shapes[0][self.dim]
        if self.top_k > classes:
            raise self.error(f"asks for the best {self.top_k} of {classes} classes", at="accuracy_param.top_k")
        self.ignored = p.ignore_label if p.HasField("ignore_label") else None

    def hits(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each sample whether it is right and whether it counts, and the labels."""
        scores, labels = rows(scores.detach(), labels, self.dim)
        counts = torch.ones_like(labels, dtype=torch.bool) if self.ignored is None else labels != self.ignored
        true = scores.gather(1, labels.clamp(0, scores.shape[1] - 1).unsqueeze(1))
        others = (scores >= true).sum(1) - 1
        return (others < self.top_k) & counts, counts, labels

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """A number without axes, 0 if no sample counts."""
        hits, counts, _ = self.hits(scores, labels)
        if self.ignored is None:
            return hits.float().mean()
        return hits.sum() / counts.sum().clamp(min=1)

    def with_classes(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The accuracy of all, and of each class (0 for those that do not occur)."""
        hits, counts, labels = self.hits(scores, labels)
        zeros = torch.zeros(scores.shape[self.dim], device=scores.device)
        which = labels.flatten().clamp(0, len(zeros) - 1)
        right = zeros.index_add(0, which, hits.flatten().float())
        seen = zeros.index_add(0, which, counts.flatten().float())
        return hits.sum() / counts.sum().clamp(min=1), right / seen.clamp(min=1)

    def step(self, use: Use) -> Callable[..., Any]:
        """One top or two."""
        return self.with_classes if len(self.definition.message.top) == 2 else self.forward
