"""Losses that compare blobs value by value (catalogue 1.7). They compute in float32, whatever comes in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Shape, times
from gradus.nets.caffe.layers.loss import Loss, precise

NEAREST = 1e-4  # added to a distance that Caffe divides by


class EuclideanLoss(Loss):
    """Half the squared distance, per sample: both inputs learn."""

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """As many values on both sides."""
        self.check_same(shapes)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """A number without axes."""
        return (precise(a) - precise(b).reshape(a.shape)).square().sum() / (2 * len(a))


class L1Loss(Loss):
    """The sum of absolute differences, per sample: both inputs learn."""

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """As many values on both sides."""
        self.check_same(shapes)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """A number without axes."""
        return (precise(a) - precise(b).reshape(a.shape)).abs().sum() / len(a)


class SmoothL1Loss(Loss):
    """Of each difference d (sigma * d)^2 / 2 below 1 / sigma^2, else |d| - 1 / (2 sigma^2); per sample.

    A third input multiplies the differences, a fourth what comes of them (Girshick, Fast R-CNN, 2015; its sigma and
    fourth input are Faster R-CNN's, Ren et al., 2015). NVIDIA's Caffe forgets the third as a factor of the gradient.
    """

    settings = "smooth_l1_loss_param"
    bottoms = (2, 4)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """As many values on all sides."""
        self.check_same(shapes)
        if not 0 < p.sigma < math.inf:
            raise self.error(f"has sigma {p.sigma:g}, and needs one above 0", at="smooth_l1_loss_param.sigma")
        self.beta = 1 / p.sigma**2

    def forward(self, a: Tensor, b: Tensor, *weights: Tensor) -> Tensor:
        """A number without axes."""
        inside, outside, *_ = (*(precise(w.detach()).reshape(a.shape) for w in weights), None, None)
        difference = precise(a) - precise(b).reshape(a.shape)
        if inside is not None:
            difference = difference * inside
        each = F.smooth_l1_loss(difference, torch.zeros_like(difference), reduction="none", beta=self.beta)
        return (each if outside is None else each * outside).sum() / len(a)


class ContrastiveLoss(Loss):
    """Draws pairs that are alike together and pushes others apart, up to a margin (Hadsell, Chopra & LeCun, 2006).

    Per sample, d being the distance: d^2 / 2 for pairs with a label other than 0, else max(margin - d, 0)^2 / 2, or
    with legacy_version max(margin - d^2, 0) / 2. Both of the pair learn.
    """

    settings = "contrastive_loss_param"
    bottoms = (3, 3)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Two blobs of vectors (N, C) or (N, C, 1, 1), and one label for each pair."""
        a, b, labels = shapes
        self.check_batch(shapes)
        if len(a) < 2 or a[:2] != b[:2] or any(side != 1 for side in (*a[2:], *b[2:])):
            raise self.error(f"compares vectors of one length, not {times(a)} with {times(b)}", at="bottom")
        if math.prod(labels) != a[0]:
            raise self.error(f"needs one label for each pair and gets {times(labels)}", at="bottom")
        self.margin, self.legacy = p.margin, p.legacy_version

    def forward(self, a: Tensor, b: Tensor, labels: Tensor) -> Tensor:
        """A number without axes."""
        difference = precise(a).flatten(1) - precise(b).flatten(1)
        alike = labels.detach().reshape(-1).long() != 0
        total: Tensor = PairLoss.apply(difference, alike, self.margin, self.legacy)
        return total / (2 * len(a))


class PairLoss(torch.autograd.Function):
    """The sum of twice ContrastiveLoss's terms, with Caffe's gradient: it divides by the distance plus 1e-4."""

    @staticmethod
    def forward(ctx: Any, difference: Tensor, alike: Tensor, margin: float, legacy: bool) -> Tensor:
        """Differences (N, C)."""
        square = difference.square().sum(1)
        distance = square.sqrt()
        room = (margin - (square if legacy else distance)).clamp(min=0)
        apart = -(room > 0).to(room) if legacy else -room / (distance + NEAREST)
        ctx.save_for_backward(difference, torch.where(alike, 1.0, apart))
        return torch.where(alike, square, room if legacy else room.square()).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Along the difference."""
        difference, slope = ctx.saved_tensors
        return gradient * 2 * slope.unsqueeze(1) * difference, None, None, None
