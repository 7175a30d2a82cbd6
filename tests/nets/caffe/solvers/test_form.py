import math

import pytest
from google.protobuf import text_format

from gradus.core.errors import InputError
from gradus.core.model import TrainingOptions
from gradus.core.pace import Pace
from gradus.core.solvers import POLICIES, SOLVERS
from gradus.nets.caffe import solver_text
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.solvers.form import solver_settings
from gradus.nets.caffe.solvers.policies import rate
from gradus.nets.caffe.solvers.settings import SolverSettings


def asked(train=45_000, val=15_000, batch=64, **options):
    given = TrainingOptions(name="m", dataset="d", **options)
    pace = Pace(
        epochs=given.epochs, train_count=train, batch_size=batch, val_count=val, accumulation=given.batch_accumulation,
        snapshot_interval=given.snapshot_interval, validation_interval=given.validation_interval,
    )  # fmt: skip
    return given, pace


def solver(train=45_000, val=15_000, batches=(64, 32), gpu=False, seed=None, **options):
    given, pace = asked(train, val, batches[0], **options)
    text = solver_text(given, pace, val_batch=batches[1], gpu=gpu, seed=seed)
    return text_format.Parse(text, message_class("SolverParameter")())


def test_mnist_with_digits_defaults():
    """By inventory 5.4: 45,000 / 64 rounds up to 704 a epoch; 33 % of 21,120; 8 reports an epoch; 15,000 / 32."""
    s = solver()
    assert s.net == "train_val.prototxt"
    assert (s.max_iter, s.snapshot, s.test_interval, list(s.test_iter)) == (704 * 30, 704, 704, [469])
    assert (s.lr_policy, s.stepsize, s.gamma) == ("step", 6970, pytest.approx(0.1))
    assert (s.base_lr, s.momentum, s.weight_decay) == (pytest.approx(0.01), pytest.approx(0.9), pytest.approx(0.0001))
    assert (s.display, s.snapshot_prefix, s.solver_mode, s.type) == (79, "snapshot", 0, "SGD")
    assert not s.HasField("random_seed")


def test_what_the_form_says_is_in_it():
    s = solver(policy="fixed", seed=7, gpu=True, weight_decay=0.5, epochs=2, validation_interval=0)
    assert (s.random_seed, s.solver_mode, s.weight_decay, s.max_iter) == (7, 1, 0.5, 1408)
    assert not s.HasField("stepsize") and not s.HasField("gamma")
    assert not s.test_iter and not s.HasField("test_interval")
    assert not solver(val=0).test_iter
    assert solver(epochs=1).test_interval == 704  # once, at the end
    assert solver(epochs=1).snapshot == 0


PERCENT = 211.2  # iterations of 21,120


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"policy": "fixed"}, {}),
        ({"policy": "step", "step_percent": 12.5, "gamma": 0.3}, {"gamma": 0.3, "stepsize": 2640}),
        ({"policy": "multistep"}, {"gamma": 0.5, "stepvalue": [10_560, 17_952]}),
        ({"policy": "multistep", "step_values": "0.001, 33,100"}, {"gamma": 0.5, "stepvalue": [1, 6970, 21_120]}),
        ({"policy": "exp"}, {"gamma": 0.95 ** (1 / PERCENT)}),
        ({"policy": "inv"}, {"gamma": 0.1 / PERCENT, "power": 0.5}),
        ({"policy": "poly"}, {"power": 3}),
        ({"policy": "sigmoid"}, {"gamma": -0.1 / PERCENT, "stepsize": 10_560}),
    ],
)
def test_policies_are_in_percent_of_the_training(given, fields):
    s = solver(**given)
    assert s.lr_policy == given["policy"]
    for name in ("gamma", "power", "stepsize", "stepvalue"):
        found = list(s.stepvalue) if name == "stepvalue" else getattr(s, name)
        assert found == (pytest.approx(fields[name], rel=1e-6) if name in fields else found.__class__())


@pytest.mark.parametrize(
    ("policy", "curve"),
    [
        ("exp", lambda percent: 0.95**percent),
        ("inv", lambda percent: (1 + 0.1 * percent) ** -0.5),
        ("poly", lambda percent: (1 - percent / 100) ** 3),
        ("sigmoid", lambda percent: 1 / (1 + math.exp(0.1 * (percent - 50)))),
    ],
)
@pytest.mark.parametrize("epochs", [1, 30])
def test_a_curve_keeps_its_shape_whatever_the_length(policy, curve, epochs):
    settings = solver_settings(*asked(policy=policy, epochs=epochs))
    for percent in (0, 25, 50, 75):
        assert rate(settings, percent * settings.max_iter // 100) == pytest.approx(0.01 * curve(percent), rel=2e-3)


@pytest.mark.parametrize("kind", list(SOLVERS))
@pytest.mark.parametrize("policy", list(POLICIES))
def test_the_text_says_what_the_loop_does(kind, policy):
    """Whatever the form offers, Caffe's own reader of the text gets the very settings of the loop."""
    given, pace = asked(solver=kind, policy=policy, batch_accumulation=3, clip_gradients=2.5, regularisation="L1")
    text = solver_text(given, pace, val_batch=32, gpu=False)
    settings = SolverSettings.from_message(text_format.Parse(text, message_class("SolverParameter")()))
    assert settings == solver_settings(given, pace)
    assert settings.type == SOLVERS[kind].title
    assert (settings.iter_size, settings.clip_gradients, settings.regularization_type) == (3, 2.5, "L1")
    assert settings.base_lr == SOLVERS[kind].settings["learning_rate"]
    assert settings.max_iter == 30 * 235  # 45,000 / 192


def test_settings_of_each_solver():
    adam = solver(solver="adam", momentum2=0.99, delta=1e-4)
    assert (adam.type, adam.momentum2, adam.delta) == ("Adam", pytest.approx(0.99), pytest.approx(1e-4))
    assert (adam.base_lr, adam.momentum, adam.weight_decay) == pytest.approx((0.001, 0.9, 1e-5))
    rms = solver(solver="rmsprop", rms_decay=0.9)
    assert (rms.type, rms.rms_decay, rms.HasField("momentum")) == ("RMSProp", pytest.approx(0.9), False)
    adadelta = solver(solver="adadelta")
    assert (adadelta.base_lr, adadelta.momentum, adadelta.weight_decay) == pytest.approx((1.0, 0.95, 0.0005))
    plain = solver()
    assert not any(plain.HasField(name) for name in ("momentum2", "rms_decay", "delta", "iter_size", "clip_gradients"))


def test_more_iterations_than_caffe_counts():
    with pytest.raises(InputError, match="iterations") as error:
        solver(train=10**6, epochs=10**6)
    assert error.value.problem.field == "epochs"
