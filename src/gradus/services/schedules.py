"""The learning rate that a form asks for, before there is a training of it."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from gradus.core.model import TrainingOptions
from gradus.core.pace import Pace

POINTS = 400
ITERATIONS = 1000  # in an epoch: a schedule is the same shape for any number, as its steps are in percent


class Schedule(BaseModel):
    """The rate over the epochs; one that is beyond all numbers is None."""

    model_config = ConfigDict(frozen=True)

    epochs: list[float]
    rates: list[float | None]


def schedule(options: TrainingOptions) -> Schedule:
    """The curve of these options, as the training will compute it."""
    # here, because an idle server does without protobuf and numpy
    from gradus.nets.caffe.solvers.form import solver_settings
    from gradus.nets.caffe.solvers.policies import rate

    pace = Pace(epochs=options.epochs, train_count=ITERATIONS, batch_size=1)
    settings = solver_settings(options, pace)
    places = [min(pace.max_iter - 1, pace.max_iter * point // POINTS) for point in range(POINTS + 1)]
    rates = [rate(settings, place) for place in places]
    return Schedule(
        epochs=[options.epochs * point / POINTS for point in range(POINTS + 1)],
        rates=[value if math.isfinite(value) else None for value in rates],
    )
