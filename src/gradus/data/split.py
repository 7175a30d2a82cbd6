"""How many pictures of a class are trained on, validated with and kept for testing.

DIGITS' arithmetic, for n pictures and a, b, c percent (a = 100 - b - c), halves rounded away from zero:

    train  round(n a / 100), at least 1 if a > 0
    val    round(n b / 100), no more than what is left; at least 1 if b > 0, taken from train if need be
    test   the rest; at least 1 if c > 0, taken from val or train if need be

Nothing is taken from a part that has only one picture itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Parts(NamedTuple):
    """Numbers of pictures; their sum is the number in the class."""

    train: int
    val: int
    test: int


def parts(count: int, validation_percent: float, test_percent: float) -> Parts:
    """Divide `count` pictures of one class."""
    b, c = _exact(validation_percent), _exact(test_percent)
    a = 100 - b - c
    if not (a >= 0 and b >= 0 and c >= 0):
        raise ValueError(f"{validation_percent} % and {test_percent} % are no division of 100 %")
    if count == 0 or a == 100:
        return Parts(count, 0, 0)
    if b == 100:
        return Parts(0, count, 0)
    if c == 100:
        return Parts(0, 0, count)
    train = max(_share(count, a), 1) if a else 0
    val = min(_share(count, b), count - train)
    if not c and not b:
        train = count
    elif not c:
        val = count - train
    if b and val == 0 and train > 1:
        train, val = train - 1, 1
    test = count - train - val
    if c and test == 0:
        if val > 1 or (val == 1 and train == 0 and not b):
            val, test = val - 1, 1
        elif train > 1:
            train, test = train - 1, 1
    return Parts(train, val, test)


def _exact(percent: float) -> Fraction:
    """The decimal number that was typed: 33.3 is 333/10, not the nearest binary fraction."""
    return Fraction(str(percent))


def _share(count: int, percent: Fraction) -> int:
    return int(count * percent / 100 + Fraction(1, 2))
