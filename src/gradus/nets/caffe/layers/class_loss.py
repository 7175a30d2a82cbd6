"""Losses that compare scores with classes (catalogue 1.7). They compute in float32, whatever the scores come in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use
from gradus.nets.caffe.layers.loss import (
    BATCH_SIZE,
    SMALLEST_PROBABILITY,
    LogAtLeast,
    Loss,
    capped,
    check_labels,
    check_one_label,
    precise,
    rows,
)

L2 = 2  # HingeLossParameter.Norm
# Caffe takes the logarithm of max(p, FLT_MIN): no sample's loss is above this (the well-known 87.3365).
HIGHEST_LOSS = -math.log(torch.finfo(torch.float32).tiny)
NO_LABEL = -100  # what torch ignores by itself, which no label is


class Softmax(Layer):
    """exp(x) over its sum along an axis."""

    settings = "softmax_param"
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The axis of the classes."""
        self.dim = self.axis(p.axis, len(shapes[0]))

    def forward(self, x: Tensor) -> Tensor:
        """In float32."""
        return torch.softmax(precise(x), self.dim)


class SoftmaxWithLoss(Loss):
    """The mean of -log(probability of the true class); a second top gives the probabilities.

    NVIDIA's label_smoothing changes what is learned and not the loss that is shown. From the gradient p - [true class]
    it takes s / (scores of a sample - 1) everywhere and gives s back to the true class.
    """

    settings = "softmax_param"
    tops = (1, 2)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """What is left out, and by what the sum is divided."""
        self.dim = self.axis(p.axis, len(shapes[0]))
        self.check_batch(shapes)
        check_labels(self, shapes, self.dim)
        self.read_divisor()
        smoothing = self.definition.message.loss_param.label_smoothing
        if not 0 <= smoothing < 1:
            raise self.error("needs a label_smoothing from 0 to less than 1", at="loss_param.label_smoothing")
        self.smoothing, self.others = smoothing, max(1, math.prod(shapes[0][self.dim :]) - 1)

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """A number without axes."""
        scores, labels = rows(scores, labels, self.dim)
        ignored = NO_LABEL if self.ignored is None else self.ignored
        try:
            each = F.cross_entropy(scores, labels, reduction="none", ignore_index=ignored)
        except IndexError as problem:
            classes, name = scores.shape[1], self.definition.message.bottom[1]
            raise self.error(
                f'gets a label in "{name}" that is none of its {classes} classes, 0 to {classes - 1}', at="bottom",
                hint="Does num_output of the layer before it fit the data set?",
            ) from problem  # fmt: skip
        total: Tensor = capped(each, HIGHEST_LOSS).sum()
        if self.smoothing:
            total = total + self.smoothed(scores, labels)
        return self.divided(total, labels, len(labels))

    def smoothed(self, scores: Tensor, labels: Tensor) -> Tensor:
        """0, with the gradient that label_smoothing adds to each counted label's scores."""
        counted = torch.ones_like(labels) if self.ignored is None else torch.ne(labels, self.ignored)
        true = scores.gather(1, (labels * counted).unsqueeze(1)).squeeze(1)
        extra: Tensor = (self.smoothing * (true - scores.sum(1) / self.others) * counted).sum()
        return extra - extra.detach()

    def with_probabilities(self, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and what it was computed from, through which nothing is learned."""
        return self.forward(scores, labels), torch.softmax(precise(scores.detach()), self.dim)

    def step(self, use: Use) -> Callable[..., Any]:
        """One top or two."""
        return self.with_probabilities if len(self.definition.message.top) == 2 else self.forward


class SigmoidCrossEntropyLoss(Loss):
    """The cross entropy of independent yes-or-no targets, each from 0 to 1, per sample unless the text says otherwise.

    A target is ignored if its whole-numbered part is the ignore_label.
    """

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """As many targets as scores."""
        self.check_same(shapes)
        self.read_divisor(BATCH_SIZE)

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """A number without axes."""
        scores = precise(scores)
        targets = targets.detach().reshape(scores.shape)
        counted = None if self.ignored is None else torch.ne(targets.long(), self.ignored).to(scores.dtype)
        total: Tensor = F.binary_cross_entropy_with_logits(scores, targets.to(scores.dtype), counted, reduction="sum")
        return self.divided(total, targets.long(), len(scores))


class HingeLoss(Loss):
    """One against all: max(0, 1 - score) of the true class and max(0, 1 + score) of the others, or squared with L2."""

    settings = "hinge_loss_param"

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One label for each sample."""
        check_one_label(self, shapes)
        self.square = p.norm == L2

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """A number without axes."""
        scores = precise(scores).flatten(1)
        signs = torch.ones_like(scores).scatter_(1, labels.long().reshape(-1, 1), -1)
        missing = torch.relu(1 + signs * scores)
        return (missing.square() if self.square else missing).sum() / len(scores)


class MultinomialLogisticLoss(Loss):
    """The mean of -log(probability of the true class), from probabilities."""

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One label for each sample."""
        check_one_label(self, shapes)

    def forward(self, probabilities: Tensor, labels: Tensor) -> Tensor:
        """A number without axes."""
        true = precise(probabilities).flatten(1).gather(1, labels.long().reshape(-1, 1))
        logarithms: Tensor = LogAtLeast.apply(true, SMALLEST_PROBABILITY)
        return -logarithms.sum() / len(true)
