"""What is particular to classification: what a score means, and how a model is measured."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gradus.core.model import ClassScore, Evaluation, Snapshot

TOP = 5  # "top-5 accuracy"


def classes_of(scores: Tensor, labels: Sequence[str], top: int) -> list[list[ClassScore]]:
    """The most probable classes of each picture, best first, from probabilities (n, classes)."""
    rows = scores.detach().float().flatten(1).cpu()
    best = rows.topk(min(max(top, 1), rows.shape[1]), dim=1)
    return [
        [
            ClassScore(label=labels[i] if i < len(labels) else str(i), index=i, probability=p)
            for p, i in zip(probabilities, indices, strict=True)
        ]
        for probabilities, indices in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


class Tally:
    """Counts what a model took for what, on the device, batch by batch."""

    def __init__(self, labels: Sequence[str], device: torch.device) -> None:
        self._labels = list(labels)
        classes = len(self._labels)
        self._confusion = torch.zeros(classes * (classes + 1), dtype=torch.int64, device=device)
        self._top5 = torch.zeros((), dtype=torch.int64, device=device)
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._count = 0

    def add(self, scores: Tensor, labels: Tensor) -> None:
        """Probabilities (n, outputs) against the true classes (n,)."""
        scores = scores.float().flatten(1)
        classes = len(self._labels)
        taken = scores.argmax(1).clamp(max=classes)  # a network may have more outputs than the dataset classes
        self._confusion += torch.bincount(labels * (classes + 1) + taken, minlength=len(self._confusion))
        best = scores.topk(min(TOP, scores.shape[1]), dim=1).indices
        self._top5 += (best == labels[:, None]).sum()
        true = scores.gather(1, labels[:, None])
        # Caffe's softmax loss: the logarithm of at least the smallest normal float32
        self._loss -= true.clamp(min=torch.finfo(torch.float32).tiny).log().double().sum()
        self._count += len(labels)

    def result(self, split: str, snapshot: Snapshot) -> Evaluation:
        """The figures of all that was added; shares are 0 to 1."""
        classes, count = len(self._labels), max(1, self._count)
        table = self._confusion.view(classes, classes + 1)[:, :classes]
        return Evaluation(
            split=split,
            snapshot=snapshot.name,
            count=self._count,
            loss=self._loss.item() / count,
            top1=int(table.diagonal().sum().item()) / count,
            top5=int(self._top5.item()) / count,
            labels=self._labels,
            confusion=table.tolist(),
        )
