"""What the batches of a test add up to: means, or for detections their average precision (catalogue 1.11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.average_precision import DetectionScores

COLUMNS = 5  # of a row of DetectionEvaluate


class Tally:
    """Adds up a net's outputs batch by batch. Those named in `detections` are rows of DetectionEvaluate."""

    def __init__(self, detections: Iterable[str] = ()) -> None:
        self.detections = {name: DetectionScores() for name in detections}
        self._sums: dict[str, Tensor] = {}
        self._batches = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Count one batch in. Means stay on the device that the values are on."""
        self._batches += 1
        for name, value in values.items():
            if name in self.detections:
                if value.shape[-1:] != (COLUMNS,):
                    raise NetworkError(
                        f'the output "{name}" is not of DetectionEvaluate, which eval_type: "detection" needs',
                        hint="Silence it, or remove eval_type from the solver.",
                    )
                self.detections[name].add(value.detach().cpu().numpy())
            elif name not in self._sums:
                self._sums[name] = value
            elif self._sums[name].shape != value.shape:
                raise NetworkError(
                    f'the output "{name}" differs in size from batch to batch, so that it has no mean',
                    hint='Are these detections? Give them to a DetectionEvaluate, with eval_type: "detection".',
                )
            else:
                self._sums[name] = self._sums[name] + value

    def results(self, version: str = "Integral") -> dict[str, Tensor]:
        """The mean of each output; of detections the mean average precision by `ap_version`."""
        means = {name: value / self._batches for name, value in self._sums.items()}
        return means | {name: torch.tensor(scores.mean(version)) for name, scores in self.detections.items()}
