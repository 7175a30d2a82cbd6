"""Policies against their formulas, and against Caffe's own way of counting the steps of multistep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.nets.caffe.solvers import policies
from gradus.nets.caffe.solvers.settings import SolverSettings


def settings(policy: str, **changes: object) -> SolverSettings:
    return SolverSettings(**({"base_lr": 0.01, "lr_policy": policy, "max_iter": 1000} | changes))


FORMULAS = [
    ("fixed", {}, lambda _: 0.01),
    ("step", {"gamma": 0.1, "stepsize": 300}, lambda i: 0.01 * 0.1 ** math.floor(i / 300)),
    ("exp", {"gamma": 0.99}, lambda i: 0.01 * 0.99**i),
    ("inv", {"gamma": 0.0001, "power": 0.75}, lambda i: 0.01 * (1 + 0.0001 * i) ** -0.75),
    ("multistep", {"gamma": 0.5, "stepvalue": (500, 850)}, lambda i: 0.01 * 0.5 ** ((i >= 500) + (i >= 850))),
    ("poly", {"power": 3.0}, lambda i: 0.01 * (1 - i / 1000) ** 3),
    ("sigmoid", {"gamma": -0.02, "stepsize": 400}, lambda i: 0.01 / (1 + math.exp(0.02 * (i - 400)))),
]


@pytest.mark.parametrize(("policy", "fields", "formula"), FORMULAS, ids=[row[0] for row in FORMULAS])
def test_formula(policy, fields, formula) -> None:
    made = settings(policy, **fields)
    for iteration in (0, 1, 299, 300, 499, 500, 501, 849, 850, 999, 1000):
        assert policies.rate(made, iteration) == pytest.approx(formula(iteration), rel=1e-12)


@pytest.mark.parametrize(
    ("iteration", "expected"), [(0, 0.01), (696, 0.01), (697, 0.001), (1393, 0.001), (1394, 0.0001), (2111, 1e-5)]
)
def test_step_by_hand(iteration: int, expected: float) -> None:
    made = settings("step", gamma=0.1, stepsize=697)
    assert policies.rate(made, iteration) == pytest.approx(expected, rel=1e-12)


def test_the_ramp_is_a_parabola_and_goes_before_the_policy() -> None:
    made = settings("fixed", rampup_interval=10, rampup_lr=0.002)
    assert [policies.rate(made, i) for i in (0, 5, 10)] == pytest.approx([0.002, 0.002 + 0.008 / 4, 0.01])
    assert policies.rate(settings("step", gamma=0.1, stepsize=2, rampup_interval=10), 5) == pytest.approx(0.0025)
    assert policies.rate(settings("step", gamma=0.1, stepsize=8, rampup_interval=10), 10) == pytest.approx(0.001)


def test_the_rate_has_a_floor_that_poly_falls_to() -> None:
    assert policies.rate(settings("exp", gamma=0.5, min_lr=0.002), 100) == 0.002
    poly = settings("poly", power=2.0, min_lr=0.002)
    assert policies.rate(poly, 500) == pytest.approx(0.002 + 0.008 / 4)
    assert policies.rate(poly, 1000) == 0.002


@pytest.mark.parametrize(
    ("policy", "fields"),
    [("step", {"gamma": 1e30, "stepsize": 1}), ("exp", {"gamma": 1e30}), ("poly", {"power": -1.0})],
)
def test_too_large_is_infinite(policy, fields) -> None:
    assert policies.rate(settings(policy, **fields), 1000) == math.inf


def test_momentum_policies() -> None:
    poly = settings("fixed", momentum=0.5, momentum_policy="poly", momentum_power=2.0, max_momentum=0.9)
    assert [policies.momentum(poly, i) for i in (0, 500, 1000)] == pytest.approx([0.5, 0.6, 0.9])
    nvidia = settings("fixed", momentum=0.5, momentum_policy="poly")
    assert policies.momentum(nvidia, 1000) == pytest.approx(0.99)
    opt = settings("fixed", momentum_policy="opt")
    assert policies.momentum(opt, 3) == pytest.approx((1 - 0.5 * math.sqrt(0.01)) ** 2)
    assert policies.momentum(settings("fixed", momentum_policy="opt", max_momentum=0.8), 3) == 0.8
    adam = settings("fixed", momentum=0.5, momentum_policy="poly", type="Adam")
    assert policies.momentum(adam, 500) == 0.5  # NVIDIA's policies are SGD's and SAG's


def test_weight_decay_policies() -> None:
    assert policies.weight_decay(settings("fixed", weight_decay=0.01), 700) == 0.01
    poly = settings(
        "fixed", weight_decay=0.01, weight_decay_policy="poly", weight_decay_power=2.0, max_weight_decay=0.05
    )
    assert [policies.weight_decay(poly, i) for i in (0, 500, 1000)] == pytest.approx([0.01, 0.02, 0.05])


@given(
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(0, 30),
)
def test_multistep_counts_as_caffe_does(values: list[int], ramp: int) -> None:
    """A counter that each iteration after the ramp moves on by one at most, whatever the order of the values."""
    made = settings("multistep", gamma=0.5, stepvalue=tuple(values), rampup_interval=ramp)
    counter = 0
    for iteration in range(80):
        if iteration >= ramp and counter < len(values) and iteration >= values[counter]:
            counter += 1
        assert policies.current_step(made, iteration) == counter


def test_the_step_that_a_solver_state_keeps() -> None:
    assert policies.current_step(settings("step", gamma=0.1, stepsize=300), 899) == 2
    assert policies.current_step(settings("poly", power=1.0), 899) == 0


@given(
    st.sampled_from(["step", "exp", "inv", "multistep", "poly", "sigmoid"]),
    st.floats(0, 1),
    st.floats(0, 5),
    st.integers(0, 1000),
    st.integers(0, 1000),
)
def test_rates_fall_and_stay_between_nothing_and_the_base(policy, gamma, power, first, second) -> None:
    gamma = -gamma if policy == "sigmoid" else gamma
    made = settings(policy, gamma=gamma, power=power, stepsize=100, stepvalue=(10, 500))
    early, late = sorted((first, second))
    assert 0 <= policies.rate(made, late) <= policies.rate(made, early) <= 0.01
