from __future__ import annotations

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.solvers.settings import RATE_POLICIES, SolverSettings
from gradus.nets.caffe.solvers.updates import UPDATES
from gradus.nets.caffe.text.prototxt import parse
from gradus.nets.caffe.text.upgrade import SOLVERS


def read(text: str, base: str = 'base_lr: 0.01 lr_policy: "fixed" ') -> SolverSettings:
    return SolverSettings.from_message(parse(base + text, "SolverParameter", "solver.prototxt")[0], "solver.prototxt")


def test_numbers_are_those_that_were_written() -> None:
    """Not the nearest float32: a chart shows 0.01 and not 0.009999999776."""
    made = read(
        'type: "Adam" momentum: 0.9 momentum2: 0.995 delta: 1e-06 gamma: 0.1 weight_decay: 0.0005 stepvalue: 5'
        " stepvalue: 8 max_iter: 100 iter_size: 4 clip_gradients: 35 rampup_interval: 7"
    )
    assert (made.base_lr, made.momentum, made.momentum2, made.delta) == (0.01, 0.9, 0.995, 1e-6)
    assert (made.gamma, made.weight_decay, made.stepvalue, made.max_iter) == (0.1, 0.0005, (5, 8), 100)
    assert (made.iter_size, made.clip_gradients, made.rampup_interval, made.type) == (4, 35.0, 7, "Adam")


def test_defaults_are_the_schemas() -> None:
    """One truth: what a file leaves out is what the message has."""
    made, message = read(""), message_class("SolverParameter")()
    for field in fields(SolverSettings):
        if field.name in ("base_lr", "lr_policy", "max_momentum"):
            continue
        mine, default = getattr(made, field.name), getattr(message, field.name)
        if isinstance(mine, tuple):
            assert mine == tuple(default)
        else:
            assert mine == (default if isinstance(mine, str) else pytest.approx(default))


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ('type: "Lion"', "type", "SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam, SAG"),
        ('lr_policy: "cosine"', "lr_policy", "multistep"),
        ('lr_policy: ""', "lr_policy", "fixed"),
        ("base_lr: -0.1", "base_lr", "at least 0, not -0.1"),
        ("base_lr: inf", "base_lr", "number"),
        ("base_lr: nan", "base_lr", "number"),
        ('type: "AdaGrad" momentum: 0.9', "momentum", "must be 0 for AdaGrad and RMSProp, not 0.9"),
        ('type: "RMSProp" momentum: 0.9', "momentum", "must be 0"),
        ('type: "RMSProp" rms_decay: 1', "rms_decay", "less than 1"),
        ("momentum: 1", "momentum", "less than 1, not 1"),
        ("momentum: nan", "momentum", "less than 1"),
        ("momentum2: -0.5", "momentum2", "at least 0"),
        ('lr_policy: "step" gamma: 0.1', "stepsize", "at least 1 for the policy step, not 0"),
        ('lr_policy: "poly" power: 1', "max_iter", "at least 1"),
        ('momentum_policy: "poly"', "max_iter", "at least 1"),
        ('lr_policy: "exp" gamma: -1', "gamma", "at least 0"),
        ('lr_policy: "poly" power: 1 max_iter: 9 min_lr: 0.1', "min_lr", "at most base_lr, not 0.1"),
        ("weight_decay: -1", "weight_decay", "at least 0"),
        ('regularization_type: "L3"', "regularization_type", "L2, L1, not 'L3'"),
        ("iter_size: 0", "iter_size", "at least 1, not 0"),
        ("delta: -1", "delta", "at least 0"),
        ("clip_gradients: nan", "clip_gradients", "a number"),
        ('larc: true larc_policy: "fit"', "larc_policy", "scale, clip"),
        ("larc_turbo: true", "larc_turbo", "not supported"),
        ('type: "SAG" larc: true', "larc", "not supported"),
    ],
)
def test_what_is_wrong_is_named(text: str, field: str, words: str) -> None:
    base = " ".join(part for part in ("base_lr: 0.01", 'lr_policy: "fixed"') if part.split(":")[0] not in text)
    with pytest.raises(NetworkError) as error:
        read(text, base + " ")
    problem = error.value.problem
    assert (problem.field, problem.file) == (field, "solver.prototxt")
    assert f"solver's {field} " in problem.message
    assert words in problem.message


@pytest.mark.parametrize(("text", "field"), [('lr_policy: "fixed"', "base_lr"), ("base_lr: 0.01", "lr_policy")])
def test_what_is_missing_is_named(text: str, field: str) -> None:
    with pytest.raises(NetworkError, match=f"the solver's {field} is missing") as error:
        read(text, "")
    assert field in error.value.problem.hint


def test_what_caffe_runs_is_not_refused() -> None:
    assert read("base_lr: 0", 'lr_policy: "fixed" ').base_lr == 0  # a dry run
    assert read("clip_gradients: -5").clip_gradients == -5
    assert read('lr_policy: "sigmoid" gamma: -0.1', "base_lr: 0.01 ").gamma == -0.1
    assert read('type: "Adam"').momentum == 0  # there is no default of 0.9


def test_there_is_a_rule_for_each() -> None:
    from gradus.nets.caffe.solvers.policies import RATES

    assert sorted(UPDATES) == sorted(SOLVERS)
    assert sorted(RATES) == sorted(RATE_POLICIES)


NAMES = [f.name for f in fields(SolverSettings) if f.name != "stepvalue"]


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.one_of(
            st.floats(width=32), st.integers(-(2**31), 2**31 - 1), st.sampled_from([*SOLVERS, *RATE_POLICIES, ""])
        ),
    )
)
def test_any_message_is_read_or_refused_and_then_gives_rates(values: dict[str, object]) -> None:
    message = message_class("SolverParameter")()
    for name, value in values.items():
        try:
            setattr(message, name, value)
        except (TypeError, ValueError):
            continue
    try:
        made = SolverSettings.from_message(message)
    except NetworkError as error:
        assert error.problem.field in NAMES
        return
    from gradus.nets.caffe.solvers import policies

    for iteration in (0, 1, 10**6):
        assert not math.isnan(policies.rate(made, iteration))
        assert 0 <= policies.momentum(made, iteration) <= 1
