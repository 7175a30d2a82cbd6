"""Softmax, its loss, and accuracy (catalogue 1.7). Scores are taken in float32, whatever they come in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times

FULL, VALID, BATCH_SIZE, NONE = 0, 1, 2, 3  # LossParameter.NormalizationMode
# Caffe takes the logarithm of max(p, FLT_MIN): no sample's loss is above this (the well-known 87.3365).
HIGHEST_LOSS = -math.log(torch.finfo(torch.float32).tiny)


class Softmax(Layer):
    """exp(x) over its sum along an axis."""

    settings = "softmax_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The axis of the classes."""
        self.dim = self.axis(p.axis, len(shapes[0]))

    def forward(self, x: Tensor) -> Tensor:
        """In float32."""
        return torch.softmax(x, self.dim, dtype=torch.float32 if x.dtype != torch.float64 else None)


class Labelled(Layer):
    """What scores with a class axis and labels without it have in common."""

    bottoms = (2, 2)
    tops = (1, 2)
    overwritable = False

    def check_labels(self, shapes: Sequence[Shape], dim: int) -> None:
        """Labels must be as many as there are vectors of scores."""
        scores, labels = shapes
        expected = math.prod(scores) // max(1, scores[dim])
        if math.prod(labels) != expected:
            bottom = self.definition.message.bottom
            raise self.error(
                f'gets {math.prod(labels):,} labels in "{bottom[1]}" ({times(labels)}) for {expected:,} predictions in'
                f' "{bottom[0]}" ({times(scores)})',
                at="bottom", hint="Is an InnerProduct or a global Pooling missing before it?",
            )  # fmt: skip

    @staticmethod
    def rows(scores: Tensor, labels: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """Scores as (N, classes, rest...) in full precision, and whole-numbered labels (N, rest...)."""
        if scores.dtype in (torch.bfloat16, torch.float16):
            scores = scores.float()
        if dim != 1:
            scores = scores.movedim(dim, 1) if dim else scores.t()
        return scores, labels.long().view(scores.shape[0], *scores.shape[2:])


class SoftmaxWithLoss(Labelled):
    """The mean of -log(probability of the true class); a second top gives the probabilities."""

    settings = "softmax_param"
    is_loss = True

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """What is left out, and by what the sum is divided."""
        self.dim = self.axis(p.axis, len(shapes[0]))
        self.check_labels(shapes, self.dim)
        loss = self.definition.message.loss_param
        self.ignored = loss.ignore_label if loss.HasField("ignore_label") else None
        self.mode = loss.normalization
        if loss.HasField("normalize") and not loss.HasField("normalization"):
            self.mode = VALID if loss.normalize else BATCH_SIZE

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """A number without axes."""
        scores, labels = self.rows(scores, labels, self.dim)
        ignored = -100 if self.ignored is None else self.ignored  # torch's own default, which no label has
        each = F.cross_entropy(scores, labels, reduction="none", ignore_index=ignored)
        # The value is capped as in Caffe, the gradient is not: what is subtracted carries none.
        each = each - (each.detach() - HIGHEST_LOSS).clamp_(min=0)
        total: Tensor = each.sum()
        if self.mode == NONE:
            return total
        if self.mode == VALID and self.ignored is not None:
            return total / torch.ne(labels, self.ignored).sum().clamp(min=1)
        return total / max(1, labels.shape[0] if self.mode == BATCH_SIZE else labels.numel())

    def with_probabilities(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and what it was computed from."""
        return self.forward(scores, labels), torch.softmax(scores.float(), self.dim)

    def step(self, use: Use) -> Callable[..., Any]:
        """One top or two."""
        return self.with_probabilities if len(self.definition.message.top) == 2 else self.forward


class Accuracy(Labelled):
    """The share of samples whose true class is among the `top_k` best; a tie counts against it."""

    settings = "accuracy_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """How many guesses count, and which label is left out."""
        self.dim = self.axis(p.axis, len(shapes[0]))
        self.check_labels(shapes, self.dim)
        self.top_k = self.positive(p.top_k, "top_k")
        classes = shapes[0][self.dim]
        if self.top_k > classes:
            raise self.error(f"asks for the best {self.top_k} of {classes} classes", at="accuracy_param.top_k")
        self.ignored = p.ignore_label if p.HasField("ignore_label") else None

    def hits(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each sample whether it is right and whether it counts, and the labels."""
        scores, labels = self.rows(scores.detach(), labels, self.dim)
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
