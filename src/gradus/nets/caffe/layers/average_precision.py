"""Average precision of detections over a whole test, from the rows of DetectionEvaluate (catalogue 1.11).

Recall is rounded to float32 as in Caffe, which decides whether 7 of 10 found reach the recall 0.7.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError

Floats = NDArray[np.float64]


def _eleven_points(precision: Floats, recall: Floats) -> float:
    """The mean, over the recalls 0, 0.1 to 1, of the best precision at that recall or above (VOC 2007)."""
    best = [precision[recall >= j / 10].max(initial=0.0) for j in range(11)]
    return float(np.mean(best))


def _max_integral(precision: Floats, recall: Floats) -> float:
    """The area under the best precision from each detection on.

    VOC 2012 takes each step in recall at the best precision after it; Caffe includes the one before it.
    """
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(recall[0] * best[0] + (np.diff(recall) * best[:-1]).sum())


def _integral(precision: Floats, recall: Floats) -> float:
    """The area under precision as it is."""
    return float((np.diff(recall, prepend=0.0) * precision).sum())


VERSIONS: dict[str, Callable[[Floats, Floats], float]] = {
    "11point": _eleven_points,
    "MaxIntegral": _max_integral,
    "Integral": _integral,
}


def average_precision(scores: Floats, hits: NDArray[np.bool_], positives: int, version: str = "Integral") -> float:
    """The average precision of one class.

    `scores` and `hits` tell of each detection its confidence and whether it found a true box of its own;
    `positives` is the number of true boxes. 0 where there are no detections or no true boxes.
    """
    if version not in VERSIONS:
        raise InputError(f'"{version[:80]}" is no ap_version', hint=f"Valid are: {', '.join(VERSIONS)}.")
    if not len(scores) or not positives:
        return 0.0
    found = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    precision = (found / np.arange(1, len(found) + 1)).astype(np.float32).astype(np.float64)
    recall = (found / positives).astype(np.float32).astype(np.float64)
    return VERSIONS[version](precision, recall)


class DetectionScores:
    """Gathers the rows of DetectionEvaluate over a test's batches."""

    def __init__(self) -> None:
        self._rows: list[NDArray[np.float32]] = []

    def add(self, rows: NDArray[np.float32]) -> None:
        """One batch's top of DetectionEvaluate, (1, 1, rows, 5)."""
        self._rows.append(np.array(rows, np.float32).reshape(-1, 5))

    def by_class(self, version: str = "Integral") -> dict[int, float]:
        """The average precision of each class that has true boxes or detections or is expected to have some."""
        rows = np.concatenate(self._rows) if self._rows else np.zeros((0, 5), np.float32)
        heads, found = rows[rows[:, 0] == -1], rows[rows[:, 0] != -1]
        found = found[(found[:, 3] != 0) | (found[:, 4] != 0)]  # neither: it found a difficult box, which counts not
        result = {}
        for label in np.unique(heads[:, 1]):
            positives = int(heads[heads[:, 1] == label, 2].sum())
            mine = found[found[:, 1] == label]
            result[int(label)] = average_precision(
                mine[:, 2].astype(np.float64), mine[:, 3].astype(np.bool_), positives, version
            )
        return result

    def mean(self, version: str = "Integral") -> float:
        """The mean average precision (mAP): over all classes, those without detections too."""
        return float(np.mean(list(self.by_class(version).values()) or [0.0]))
