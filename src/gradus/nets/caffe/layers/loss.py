"""What losses and scores share: full precision, whole-numbered labels, and LossParameter (catalogue 1.7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times, wide

FULL, VALID, BATCH_SIZE, NONE = 0, 1, 2, 3  # LossParameter.NormalizationMode
SMALLEST_PROBABILITY = 1e-20  # what Caffe takes the logarithm of instead of 0


def precise(x: Tensor) -> Tensor:
    """Values in at least float32: halves and whole numbers become float32."""
    return x.to(wide(x.dtype))


def capped(x: Tensor, most: float) -> Tensor:
    """The values, at most `most`, with the gradient of the values themselves: what is subtracted carries none."""
    return x - (x.detach() - most).clamp_(min=0)


class LogAtLeast(torch.autograd.Function):
    """log(max(p, smallest)) with Caffe's gradient 1 / max(p, smallest), which clamping would cut to 0."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, smallest: float) -> Tensor:
        """Keeps what is divided by."""
        held = p.clamp(min=smallest)
        ctx.save_for_backward(held)
        return held.log()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """For p only."""
        (held,) = ctx.saved_tensors
        return gradient / held, None


class Loss(Layer):
    """A number that training lowers. Only its first bottom learns, unless the layer says otherwise."""

    bottoms = (2, 2)
    is_loss = True
    overwritable = False

    def check_batch(self, shapes: Sequence[Shape]) -> None:
        """The first two inputs must be as many."""
        if not shapes[0] or shapes[0][:1] != shapes[1][:1]:
            bottom = self.definition.message.bottom
            raise self.error(
                f'compares "{bottom[0]}" of {times(shapes[0])} with "{bottom[1]}" of {times(shapes[1])}', at="bottom",
                hint="The first axis of both, the batch, must be the same.",
            )  # fmt: skip

    def check_same(self, shapes: Sequence[Shape]) -> None:
        """All inputs must have as many values."""
        self.check_batch(shapes)
        if len({math.prod(shape) for shape in shapes}) > 1:
            raise self.error(f"needs inputs of one size, not {' and '.join(map(times, shapes))}", at="bottom")

    def read_divisor(self, default: int = VALID) -> None:
        """LossParameter: what is left out, and by what the sum is divided."""
        p = self.definition.message.loss_param
        self.ignored = p.ignore_label if p.HasField("ignore_label") else None
        self.mode = p.normalization if p.HasField("normalization") else default
        if p.HasField("normalize") and not p.HasField("normalization"):
            self.mode = VALID if p.normalize else BATCH_SIZE

    def divided(self, total: Tensor, labels: Tensor, batch: int) -> Tensor:
        """The sum over all labels by LossParameter's divisor, which is at least 1."""
        if self.mode == NONE:
            return total
        if self.mode == VALID and self.ignored is not None:
            return total / torch.ne(labels, self.ignored).sum().clamp(min=1)
        return total / max(1, batch if self.mode == BATCH_SIZE else labels.numel())


def check_labels(layer: Layer, shapes: Sequence[Shape], dim: int) -> None:
    """Labels must be as many as there are vectors of scores along an axis."""
    scores, labels = shapes[:2]
    expected = math.prod(scores) // max(1, scores[dim])
    if math.prod(labels) != expected:
        bottom = layer.definition.message.bottom
        raise layer.error(
            f'gets {math.prod(labels):,} labels in "{bottom[1]}" ({times(labels)}) for {expected:,} predictions in'
            f' "{bottom[0]}" ({times(scores)})',
            at="bottom", hint="Is an InnerProduct or a global Pooling missing before it?",
        )  # fmt: skip


def check_one_label(layer: Loss, shapes: Sequence[Shape]) -> None:
    """There must be one label for each sample."""
    layer.check_batch(shapes)
    if math.prod(shapes[1]) != shapes[1][0]:
        raise layer.error(f"needs one label for each sample, not {math.prod(shapes[1][1:]):,}", at="bottom")


def rows(scores: Tensor, labels: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Scores as (before, classes) or (before, classes, behind), and their labels as whole numbers without classes."""
    scores = precise(scores)
    if dim == 1 and scores.dim() == 2:  # what nearly all networks have: nothing to reshape
        return scores, labels.long().reshape(len(scores))
    before, classes = math.prod(scores.shape[:dim]), scores.shape[dim]
    behind = math.prod(scores.shape[dim + 1 :])
    sides = () if behind == 1 else (behind,)
    return scores.reshape(before, classes, *sides), labels.long().reshape(before, *sides)
