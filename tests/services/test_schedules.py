import math

import pytest

from gradus.core.model import TrainingOptions
from gradus.services.schedules import schedule


def options(**more: object) -> TrainingOptions:
    return TrainingOptions.model_validate({"name": "m", "dataset": "d", **more})


def test_the_curve_runs_over_all_epochs() -> None:
    curve = schedule(options(epochs=30))
    assert (curve.epochs[0], curve.epochs[-1]) == (0, 30)
    by_epoch = dict(zip(curve.epochs, curve.rates, strict=True))
    assert [by_epoch[epoch] for epoch in (0, 9, 12, 18, 21, 30)] == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-5])


def test_each_solver_starts_at_its_own_rate() -> None:
    assert schedule(options(solver="adam", policy="fixed")).rates[0] == pytest.approx(0.001)
    assert schedule(options(solver="adam", policy="fixed", learning_rate=0.5)).rates[-1] == 0.5


def test_half_way_is_what_the_policy_says() -> None:
    middle = {
        "exp": 0.95**50, "inv": 6**-0.5, "poly": 0.125, "sigmoid": 0.5, "multistep": 0.5,
    }  # fmt: skip
    for policy, share in middle.items():
        curve = schedule(options(policy=policy, learning_rate=1.0, epochs=7))
        assert curve.rates[200] == pytest.approx(share, rel=2e-3), policy


def test_a_rate_beyond_all_numbers_is_none() -> None:
    curve = schedule(options(step_percent=1, gamma=1e30, epochs=1))
    assert curve.rates[-1] is None
    assert not [rate for rate in curve.rates if rate is not None and not math.isfinite(rate)]
