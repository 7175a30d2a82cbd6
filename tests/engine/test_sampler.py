"""Order and random draws: every picture once per epoch, and nothing depends on what was asked before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.engine.sampler import PlainOrder, ShuffledOrder


@given(st.integers(1, 50), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_the_stream_is_one_permutation_after_another(count: int, batch: int, seed: int) -> None:
    order = ShuffledOrder(count, batch, seed)
    steps = -(-3 * count // batch)
    stream = np.concatenate([order.indices(step) for step in range(steps)])
    assert all(len(order.indices(step)) == batch for step in range(steps))
    for turn in range(3):
        assert sorted(stream[turn * count : (turn + 1) * count]) == list(range(count))


def test_any_step_without_those_before() -> None:
    straight, direct = ShuffledOrder(1000, 64, 7), ShuffledOrder(1000, 64, 7)
    for step in range(40):
        expected = straight.indices(step)
    assert np.array_equal(direct.indices(39), expected)
    assert np.array_equal(direct.draw(39, 4, 4).top, straight.draw(39, 4, 4).top)


def test_seeds_and_epochs_differ() -> None:
    first, second = ShuffledOrder(1000, 1000, 1), ShuffledOrder(1000, 1000, 2)
    assert not np.array_equal(first.indices(0), second.indices(0))
    assert not np.array_equal(first.indices(0), first.indices(1))
    assert not np.array_equal(first.draw(0, 9, 9).top, first.draw(1, 9, 9).top)


def test_offsets_reach_both_ends_evenly() -> None:
    """29 places, 40,000 draws: each place is met about 1,379 times (standard deviation 36.5)."""
    order = ShuffledOrder(1000, 1000, 3)
    top = np.concatenate([order.draw(step, 28, 0).top for step in range(40)])
    left = np.concatenate([order.draw(step, 28, 0).left for step in range(40)])
    flip = np.concatenate([order.draw(step, 28, 0).flip for step in range(40)])
    counts = np.bincount(top, minlength=29)
    assert len(counts) == 29
    assert np.abs(counts - 40_000 / 29).max() < 5 * 36.5
    assert not left.any()
    assert flip.mean() == pytest.approx(0.5, abs=0.0125)


def test_plain_order() -> None:
    order = PlainOrder(10, 4)
    assert order.steps == 3
    assert [order.indices(step).tolist() for step in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
