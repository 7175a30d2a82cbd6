"""Which samples are trained on, validated with and kept for testing, where only the shares are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradus.core.dataset import Split
from gradus.data.grouping import Key, divide_groups
from gradus.data.seeded import shuffled
from gradus.data.split import parts

Places = dict[Split, list[int]]


def divide(names: Sequence[str], shares: Mapping[Split, float], seed: int, key: Key | None = None) -> Places:
    """The places of the names in each split, in their order: chosen by chance, with the seed.

    `shares` are percent for validation and testing, training takes the rest. Names for which `key` gives the same
    stay together.
    """
    if key is not None:
        return divide_groups([(name, 0) for name in names], key, shares, seed)
    mixed = shuffled(range(len(names)), seed, "split")
    count = parts(len(mixed), shares.get(Split.VAL, 0), shares.get(Split.TEST, 0))
    end = count.train + count.val
    chosen = {Split.TRAIN: mixed[: count.train], Split.VAL: mixed[count.train : end], Split.TEST: mixed[end:]}
    return {split: sorted(places) for split, places in chosen.items()}
