"""The division of a class, against DIGITS' arithmetic worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.data.split import parts


@pytest.mark.parametrize(
    ("count", "validation", "test", "expected"),
    [
        (10, 20, 10, (7, 2, 1)),  # DIGITS' own test: shares of the total, exactly
        (10, 25, 0, (8, 2, 0)),  # 7.5 rounds away from zero, val gets what is left
        (10, 0, 0, (10, 0, 0)),
        (10, 100, 0, (0, 10, 0)),
        (10, 0, 100, (0, 0, 10)),
        (10, 50, 50, (0, 5, 5)),
        (3, 50, 50, (0, 2, 1)),  # 1.5 rounds to 2
        (2, 25, 0, (1, 1, 0)),  # 1.5 -> 2, nothing is left, val takes one from train
        (2, 1, 0, (1, 1, 0)),
        (1, 25, 0, (1, 0, 0)),  # train keeps its only one
        (3, 10, 10, (1, 1, 1)),  # 2.4 -> 2, 0.3 -> 0, rest 1 is test; val takes one from train
        (4, 25, 25, (2, 1, 1)),
        (5, 33, 0, (3, 2, 0)),
        (6, 25, 0, (5, 1, 0)),
        (7, 99, 0, (1, 6, 0)),  # 0.07 -> 0, but at least 1
        (100, 12.5, 0, (88, 12, 0)),
        (1000, 33.3, 0, (667, 333, 0)),
        (6000, 25, 0, (4500, 1500, 0)),
        (0, 25, 10, (0, 0, 0)),
    ],
)
def test_the_table(count, validation, test, expected):
    assert parts(count, validation, test) == expected


percent = st.integers(0, 1000).map(lambda n: n / 10)


@given(st.integers(0, 10_000), percent, percent)
def test_nothing_is_lost_and_whoever_asked_gets_something(count, validation, test):
    if validation + test > 100:
        with pytest.raises(ValueError):
            parts(count, validation, test)
        return
    found = parts(count, validation, test)
    train = 100 - validation - test
    assert sum(found) == count and min(found) >= 0
    asked = [share > 1e-9 for share in (train, validation, test)]
    if count >= sum(asked):
        assert [part > 0 for part in found] == asked
    for part, share in zip(found, (train, validation, test), strict=True):
        assert abs(part - count * share / 100) <= 2.5  # rounded, and at most two given to the others


def test_too_much_is_refused():
    with pytest.raises(ValueError):
        parts(10, 60, 50)
