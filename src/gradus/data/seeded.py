"""Random choices that depend on the seed and on a name, and on nothing else.

Python's Mersenne Twister, seeded with text: the same on every machine and Python version, whatever
order a disk lists its files in, and one class's choice does not shift another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Sequence[T], seed: int, name: str) -> list[T]:
    """The items in a random order."""
    mixed = list(items)
    _random(seed, name).shuffle(mixed)
    return mixed


def sampled(items: Sequence[T], count: int, seed: int, name: str) -> list[T]:
    """`count` of the items, in the order they had."""
    chosen = _random(seed, name).sample(range(len(items)), count)
    return [items[i] for i in sorted(chosen)]


def _random(seed: int, name: str) -> Random:
    return Random(f"{seed}/{name}".encode("utf-8", "surrogateescape"))
