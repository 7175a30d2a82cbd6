"""Learning-rate policies, against values worked out by hand."""

import math

import pytest

from gradus.core.errors import InputError
from gradus.core.model import LearningRatePolicy, TrainingOptions
from gradus.core.pace import Pace
from gradus.engine.schedules import schedule

PACE = Pace(epochs=3, train_count=45_000, batch_size=64)  # 2112 iterations


def options(**changes: object) -> TrainingOptions:
    return TrainingOptions.model_validate({"name": "m", "dataset": "d"} | changes)


def test_fixed() -> None:
    rate = schedule(options(policy="fixed", learning_rate=0.02), PACE)
    assert {rate(i) for i in (0, 1, 1000, 2111)} == {0.02}


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [
        (0, 0.01),
        (696, 0.01),
        (697, 0.001),
        (1393, 0.001),
        (1394, 0.0001),
        (2090, 0.0001),
        (2091, 0.00001),
        (2111, 1e-5),
    ],
)
def test_step_in_percent(iteration: int, expected: float) -> None:
    """33 % of 2112 is 696.96, so the rate falls at 697, 1394 and 2091."""
    assert schedule(options(), PACE)(iteration) == pytest.approx(expected, rel=1e-12)


def test_step_of_the_whole_training_never_falls() -> None:
    rate = schedule(options(step_percent=100), PACE)
    assert rate(2111) == 0.01


def test_a_rate_never_vanishes_or_overflows() -> None:
    assert schedule(options(step_percent=1, gamma=1e-30), PACE)(2111) == pytest.approx(1e-14)
    assert schedule(options(step_percent=1, gamma=1e30), PACE)(2111) == math.inf


def test_an_unknown_policy_names_those_there_are() -> None:
    unknown = options().model_copy(update={"policy": "poly"})
    with pytest.raises(InputError) as error:
        schedule(unknown, PACE)
    assert error.value.problem.field == "policy"
    assert error.value.problem.hint == ", ".join(sorted(LearningRatePolicy))
