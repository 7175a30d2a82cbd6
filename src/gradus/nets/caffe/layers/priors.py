"""What SSD's loss and its output have in common: predictions laid out against priors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape
from gradus.nets.caffe.layers.loss import precise


class Predictions(NamedTuple):
    """What a network says about each of P priors, in float32 at least. `places` is 1 or the number of classes."""

    offsets: Tensor  # (N, places, P, 4)
    scores: Tensor  # (N, P, classes)
    prior: Tensor  # (P, 4)
    variance: Tensor  # (P, 4)


def check(layer: Layer, shapes: Sequence[Shape], classes: int, places: int) -> None:
    """Offsets, scores and priors, a layer's first three bottoms, must be of one number of priors."""
    if len(shapes[2]) < 3 or shapes[2][1] != 2 or shapes[2][2] % 4:
        raise layer.error("needs priors, as PriorBox gives them, as its third bottom", at="bottom")
    priors = shapes[2][2] // 4
    for shape, wanted, what in (
        (shapes[0], priors * 4 * places, "box offsets"),
        (shapes[1], priors * classes, "class scores"),
    ):
        given = math.prod(shape[1:])
        if shape[0] != shapes[0][0] or given != wanted:
            raise layer.error(
                f"gets {given:,} {what} a picture for {priors:,} priors and needs {wanted:,}", at="bottom",
                hint="Do num_classes, share_location and the convolutions before it agree?",
            )  # fmt: skip


def unpack(offsets: Tensor, scores: Tensor, priors: Tensor, places: int) -> Predictions:
    """The three bottoms by prior: Caffe keeps them as (N, P * places * 4), (N, P * classes) and (1, 2, P * 4)."""
    offsets, scores, priors = (precise(x) for x in (offsets, scores, priors))
    prior, variance = (part.reshape(-1, 4) for part in priors[0].detach())
    number = len(offsets)
    by_place = offsets.reshape(number, len(prior), places, 4).transpose(1, 2)
    return Predictions(by_place, scores.reshape(number, len(prior), -1), prior, variance)
