"""The arithmetic of a training, against the figures that DIGITS' rules give when done by hand."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.pace import Pace


def mnist(**changes: object) -> Pace:
    facts: dict[str, object] = {"epochs": 3, "train_count": 45_000, "batch_size": 64, "val_count": 15_000}
    return Pace.model_validate(facts | changes)


def test_mnist_by_hand() -> None:
    pace = mnist()
    assert pace.iterations_per_epoch == 704  # 45,000 / 64 = 703.1
    assert pace.max_iter == 2112
    assert pace.step_size(33) == 697  # 696.96
    assert pace.display == 79  # 5000 / 64 = 78.1; an eighth of an epoch would be 88
    assert pace.snapshot == 704
    assert pace.test_interval == 704
    assert pace.test_iter(100) == 150
    assert pace.test_iter(64) == 235


def test_accumulated_batches_are_one_iteration() -> None:
    """DIGITS: epochs times the pictures over batch size times iter_size, rounded up."""
    pace = mnist(accumulation=4)
    assert (pace.pictures, pace.iterations_per_epoch, pace.max_iter) == (256, 176, 528)  # 45,000 / 256 = 175.8
    assert pace.display == 20  # 5000 / 256 = 19.5
    assert pace.epoch(176) == 1


@pytest.mark.parametrize(
    ("interval", "snapshot", "test_interval"),
    [
        (0, 0, None),  # only the last; never
        (0.0001, 1, 1),  # less than an iteration
        (0.5, 352, 352),
        (1, 704, 704),
        (1.3, 915, 915),  # 915.2
        (3, 0, 2112),  # the whole training: once, at the end
        (100, 0, 2112),
    ],
)
def test_intervals(interval: float, snapshot: int, test_interval: int | None) -> None:
    pace = mnist(snapshot_interval=interval, validation_interval=interval)
    assert pace.snapshot == snapshot
    assert pace.test_interval == test_interval


def test_nothing_to_validate_on() -> None:
    pace = mnist(val_count=0)
    assert pace.test_interval is None
    assert not any(pace.validation_due(i) for i in range(pace.max_iter + 1))


def test_the_end_is_always_due() -> None:
    pace = mnist(snapshot_interval=0, validation_interval=50)
    due = [i for i in range(pace.max_iter + 1) if pace.snapshot_due(i)]
    assert due == [2112]
    assert [i for i in range(pace.max_iter + 1) if pace.validation_due(i)] == [2112]


def test_fractions_of_an_epoch_do_not_drift() -> None:
    """Half of 703 iterations is 351.5: eight halves end with the fourth epoch, not four iterations before it."""
    pace = Pace(epochs=4, train_count=703, batch_size=1, validation_interval=0.5, val_count=1)
    due = [i for i in range(pace.max_iter + 1) if pace.validation_due(i)]
    assert due == [352, 703, 1055, 1406, 1758, 2109, 2461, 2812]


def test_batch_larger_than_the_set() -> None:
    pace = Pace(epochs=2, train_count=10, batch_size=64)
    assert (pace.iterations_per_epoch, pace.max_iter, pace.display, pace.step_size(33)) == (1, 2, 1, 1)


@given(
    st.integers(1, 20), st.integers(1, 400), st.integers(1, 50), st.one_of(st.just(0.0), st.floats(1e-3, 30))
)  # fmt: skip
def test_as_many_moments_as_the_interval_fits(epochs: int, count: int, batch: int, interval: float) -> None:
    pace = Pace(epochs=epochs, train_count=count, batch_size=batch, snapshot_interval=interval)
    due = [i for i in range(1, pace.max_iter + 1) if pace.snapshot_due(i)]
    assert due[-1] == pace.max_iter
    every = max(1.0, interval * pace.iterations_per_epoch)
    if interval and every < pace.max_iter:
        assert len(due) in {math.floor(pace.max_iter / every), math.floor(pace.max_iter / every) + 1}
        gaps = [b - a for a, b in itertools.pairwise(due[:-1])]
        assert all(math.floor(every) <= gap <= math.ceil(every) for gap in gaps)
    else:
        assert len(due) == 1
