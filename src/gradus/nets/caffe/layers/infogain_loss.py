"""The loss in which mistakes cost what a matrix says (catalogue 1.7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
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
FIELD, HINT = "infogain_loss_param.source", "Give a file with a BlobProto, or the matrix as the third bottom."


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
        """Scores and labels fit, and so does a matrix from a bottom."""
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
        self.source: str = p.source
        if len(shapes) == 3:
            self._check_matrix(shapes[2])
        elif not self.source:
            raise self.error("names no source of its matrix", at=FIELD, hint=HINT)

    def _check_matrix(self, shape: Shape) -> None:
        if math.prod(shape) != self.classes**2:
            raise self.error(f"needs a matrix of {self.classes}x{self.classes} and gets {times(shape)}", at=FIELD)

    @cached_property
    def matrix(self) -> Tensor:
        """The file's values, in single precision. It is opened for the first batch: shapes are known without it."""
        try:
            with Path(self.source).open("rb") as file:
                matrix = decode_blob(file.read(MATRIX_LIMIT))
        except (OSError, ValueError, InputError) as problem:
            raise self.error(f"cannot read {self.source}: {problem}", at=FIELD, hint=HINT) from problem
        self._check_matrix(matrix.shape)
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
            if scores.is_meta:
                return scores.new_empty(self.classes, self.classes)
            matrix = self.matrix = self.matrix.to(scores.device)
        return precise(matrix.detach()).reshape(self.classes, self.classes)

    def with_probabilities(self, scores: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and what it was computed from, through which nothing is learned."""
        given = precise(scores.detach())
        return self.forward(scores, *others), given if self.probabilities else torch.softmax(given, self.dim)

    def step(self, use: Use) -> Callable[..., Any]:
        """One top or two."""
        return self.with_probabilities if len(self.definition.message.top) == 2 else self.forward
