"""The loss in which mistakes cost what a matrix says (catalogue 1.7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradus.core.errors import InputError
from gradus.data.blobs import decode_blob
from gradus.nets.caffe.layers.base import Shape, Use, times
from gradus.nets.caffe.layers.loss import (
    SMALLEST_PROBABILITY,
    LogAtLeast,
    Loss,
    capped,
    check_labels,
    check_one_label,
    precise,
    rows,
)

MATRIX_LIMIT = 2**28  # bytes of a file: 5,000 classes in double precision are 200 MB


class InfogainLoss(Loss):
    """The mean of the sum over all classes l of -H[label, l] * log(probability of l).

    H is a BlobProto in the file `source`, or the third bottom. The first bottom are scores, whose softmax is taken
    here, and a second top gives it. NVIDIA's Caffe and BVLC's before 2017 want probabilities instead and divide by the
    batch: so it is where the first bottom comes from a Softmax layer.
    """

    settings = "infogain_loss_param"
    bottoms = (2, 3)
    tops = (1, 2)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Scores and labels fit, and so does the matrix."""
        self.probabilities = self.definition.makers[:1] == ("Softmax",)
        self.check_batch(shapes)
        self.dim = 1 if self.probabilities else self.axis(p.axis, len(shapes[0]))
        if self.probabilities:
            check_one_label(self, shapes)
            self.classes = math.prod(shapes[0][1:])
        else:
            check_labels(self, shapes, self.dim)
            self.classes = shapes[0][self.dim]
        if self.definition.message.loss_param.HasField("normalize"):
            raise self.error("does not know the old normalize", at="loss_param.normalize", hint="Use normalization.")
        self.read_divisor()
        self.matrix = self._from_file(p) if len(shapes) == 2 else torch.empty(0)
        shape = shapes[2] if len(shapes) == 3 else tuple(self.matrix.shape)
        if math.prod(shape) != self.classes**2:
            raise self.error(
                f"needs a matrix of {self.classes}x{self.classes} and gets {times(shape)}",
                at="infogain_loss_param.source",
            )

    def _from_file(self, p: Any) -> Tensor:
        """The matrix's values, in single precision."""
        at, hint = "infogain_loss_param.source", "Give a file with a BlobProto, or the matrix as the third bottom."
        if not p.source:
            raise self.error("names no source of its matrix", at=at, hint=hint)
        try:
            with Path(p.source).open("rb") as file:
                matrix = decode_blob(file.read(MATRIX_LIMIT))
        except (OSError, ValueError, InputError) as problem:
            raise self.error(f"cannot read {p.source}: {problem}", at=at, hint=hint) from problem
        return torch.from_numpy(np.array(matrix, np.float32))

    def forward(self, scores: Tensor, labels: Tensor, matrix: Tensor | None = None) -> Tensor:
        """A number without axes."""
        weights = self._weights(scores, matrix)
        if self.probabilities:
            logarithms: Tensor = LogAtLeast.apply(precise(scores).flatten(1), SMALLEST_PROBABILITY)
            return -(weights[labels.long().reshape(-1)] * logarithms).sum() / len(scores)
        scores, labels = rows(scores, labels, self.dim)
        logarithms = -capped(-torch.log_softmax(scores, 1), -math.log(SMALLEST_PROBABILITY))
        batch, flat = len(labels), labels.reshape(-1)
        if scores.dim() == 3:
            logarithms = logarithms.transpose(1, 2).flatten(0, 1)
        if self.ignored is None:
            chosen = weights[flat]
        else:
            counted = torch.ne(flat, self.ignored)
            chosen = weights[flat * counted] * counted.unsqueeze(1)
        return self.divided(-(chosen * logarithms).sum(), labels, batch)

    def _weights(self, scores: Tensor, matrix: Tensor | None) -> Tensor:
        """The matrix, where the scores are."""
        if matrix is None:
            matrix = self.matrix.to(scores.device)
            if not scores.is_meta:
                self.matrix = matrix
        return precise(matrix.detach()).reshape(self.classes, self.classes)

    def with_probabilities(self, scores: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and what it was computed from, through which nothing is learned."""
        given = precise(scores.detach())
        return self.forward(scores, *others), given if self.probabilities else torch.softmax(given, self.dim)

    def step(self, use: Use) -> Callable[..., Any]:
        """One top or two."""
        return self.with_probabilities if len(self.definition.message.top) == 2 else self.forward
