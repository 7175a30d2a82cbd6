"""Random numbers that depend on the seed and the place they are used at, and on nothing before them.

So a resumed training draws what the uninterrupted one draws without any state to keep, and a change
of one purpose leaves the others alone. Philox is a counter-based generator: key and counter are enough.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What the numbers are for. Values are part of what a seed means: never renumber."""

    ORDER = 1  # of the pictures in an epoch
    AUGMENT = 2  # crops and flips of a batch


def stream(seed: int, purpose: Purpose, index: int) -> np.random.Generator:
    """A generator for the `index`-th use. The index is the counter's highest word, so streams never meet."""
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, index]))
