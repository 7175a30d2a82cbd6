"""Models: train, look at, ask, delete."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradus.client.listing import jobs_of
from gradus.client.transport import Transport, Upload
from gradus.core.dataset import Split
from gradus.core.job import Job
from gradus.core.model import Evaluation, Snapshot, TrainingOptions
from gradus.core.view.model import ModelView, PredictionResult, Series

Picture = Path | str | tuple[str, bytes]  # a file on this machine, or (name, content)


class Models:
    """`client.models`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, options: TrainingOptions, *, key: str | None = None) -> Job:
        """Start a training. Its dataset may still be building.

        Asked twice with the same `key`, it is started once.
        """
        return self._transport.post("/models", Job, options, key)

    def list(self, *, state: str | None = None) -> Iterator[Job]:
        """All models, newest first."""
        return jobs_of(self._transport, "/models", {"state": state})

    def get(self, model_id: str) -> ModelView:
        """What was asked for and what there is of it so far."""
        return self._transport.get(f"/models/{model_id}", ModelView)

    def series(self, model_id: str, *, max_points: int = 1000) -> builtins.list[Series]:
        """Every scalar of the training: loss, accuracy, learning rate."""
        return self._transport.get(f"/models/{model_id}/series", list[Series], {"max_points": max_points})

    def snapshots(self, model_id: str) -> builtins.list[Snapshot]:
        """The weights that were kept, the oldest first."""
        return self._transport.get(f"/models/{model_id}/snapshots", list[Snapshot])

    def predict(
        self, model_id: str, pictures: Sequence[Picture], *, snapshot: str | None = None, top: int = 5
    ) -> builtins.list[PredictionResult]:
        """What the model says of each picture, in order. One that cannot be read has a problem instead."""
        files = [_upload(picture) for picture in pictures]
        query = {"snapshot": snapshot, "top": top}
        return self._transport.upload(f"/models/{model_id}/predictions", list[PredictionResult], files, query)

    def evaluate(self, model_id: str, split: Split = Split.VAL, *, snapshot: str | None = None) -> Evaluation:
        """Measure it on one split of its dataset; answered when it is done."""
        query = {"split": split.value, "snapshot": snapshot}
        return self._transport.long_post(f"/models/{model_id}/evaluations", Evaluation, query)

    def delete(self, model_id: str) -> None:
        """Remove it with its files."""
        self._transport.delete(f"/models/{model_id}")


def _upload(picture: Picture) -> Upload:
    if isinstance(picture, tuple):
        return "image", picture
    path = Path(picture)
    return "image", (path.name, path.read_bytes())
