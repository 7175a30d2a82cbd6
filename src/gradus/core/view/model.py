"""Models, their curves and predictions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gradus.core.errors import Problem
from gradus.core.job import Job, Transition
from gradus.core.model import Point, Prediction, Preprocessing, Snapshot, TrainingOptions


class ModelView(BaseModel):
    """A model: what was asked for and what there is of it so far. `latest` holds the last value of each series."""

    model_config = ConfigDict(frozen=True)

    job: Job
    options: TrainingOptions
    dataset: Job | None = None
    labels: list[str] = []
    preprocessing: Preprocessing | None = None
    snapshots: list[Snapshot] = []
    latest: dict[str, float | None] = {}
    history: list[Transition] = []
    seq: int = 0  # the last event this view includes; follow the job from there


class Series(BaseModel):
    """One scalar over the course of a training, thinned out to what a chart can show."""

    model_config = ConfigDict(frozen=True)

    name: str
    points: list[Point]


class PredictionResult(BaseModel):
    """The answer for one picture: a prediction, or the problem that prevented it.

    `picture` is what was read, drawn anew and small, as a `data:` address.
    """

    model_config = ConfigDict(frozen=True)

    input: str
    picture: str = ""
    prediction: Prediction | None = None
    problem: Problem | None = None
