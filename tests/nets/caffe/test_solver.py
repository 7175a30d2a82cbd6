import pytest
from google.protobuf import text_format

from gradus.core.model import TrainingOptions
from gradus.core.pace import Pace
from gradus.nets.caffe import solver_text
from gradus.nets.caffe.schema import message_class


def solver(train=45_000, val=15_000, batches=(64, 32), gpu=False, seed=None, **options):
    given = TrainingOptions(name="m", dataset="d", **options)
    pace = Pace(
        epochs=given.epochs, train_count=train, batch_size=batches[0], val_count=val,
        snapshot_interval=given.snapshot_interval, validation_interval=given.validation_interval,
    )  # fmt: skip
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
