"""Samples that are the same picture: which there are, which of them are in the wrong place, and which one stays.

Of pictures that are alike that of the test set stays, else that of the validation set, so that what models are compared
by is the same before and after; within a split the largest, and of equally large ones the first. Of pictures that are
labelled differently none stays, because nobody knows which label is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradus.core.flaw import Flaw, bits
from gradus.core.quality import Nearness
from gradus.data.quality.near import BITS, Pairs, chance, near_pairs
from gradus.data.quality.samples import FLAT, ORDER, Places, Samples

NONE = np.iinfo(np.int32).max
PAIR = np.dtype(
    [("first", "<u4"), ("second", "<u4"), ("distance", "u1"), ("exact", "u1"), ("flaws", "<u2")]
)  # numbers of samples, the one that stays first

EXACT, NEAR, LEAK, CONFLICT, TORN = (
    np.uint32(bits((flaw,)))
    for flaw in (Flaw.EXACT_DUPLICATES, Flaw.NEAR_DUPLICATES, Flaw.LEAKS, Flaw.CONFLICTS, Flaw.TORN_GROUPS)
)
Bits = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Alike:
    """What was found: for each sample its flaws and with which of them it is left out; the pairs; what near means."""

    flaws: Bits
    leave: Bits
    pairs: NDArray[np.void]
    nearness: Nearness


def find_alike(samples: Samples, look: Callable[[], None]) -> Alike:
    """Compare all samples with each other. `look` is called often and may raise to end the work."""
    count = len(samples)
    rank = _rank(samples)
    first = _same_bytes(samples, rank)  # of each sample the one of the same bytes that stays
    near, nearness = _near(samples, first, look)
    one, two = _by_rank(near.first, near.second, rank)
    flaws, leave = np.zeros(count, np.uint32), np.zeros(count, np.uint32)

    copies = np.flatnonzero(first != np.arange(count))
    flaws[copies] |= EXACT
    flaws[first[copies]] |= EXACT
    leave[copies] |= EXACT
    paired = np.zeros(count, bool)
    paired[one] = paired[two] = True
    flaws[paired[first]] |= NEAR
    leave[_greedy(one, two, rank, count)[first]] |= NEAR

    split = samples.split.astype(np.uint32)
    _torn(_spread(np.uint32(1) << split, first, one, two), split, LEAK, flaws, leave)
    labels = samples.column("label").astype(np.int64)
    clash = (_disagree(labels, first, one, two)) & (labels >= 0)
    flaws[clash] |= CONFLICT
    leave[clash] |= CONFLICT
    groups, group = np.unique(samples.column("group"), return_inverse=True)
    if len(groups) > 1:
        together = np.where(groups[group] != 0, _firsts(group, len(groups))[group], np.arange(count))
        _torn(_spread(np.uint32(1) << split, together, one[:0], two[:0]), split, TORN, flaws, leave)
    pairs = _pairs(first[copies], copies, one, two, rank, split, labels, samples.column("hash"))
    return Alike(flaws, leave, pairs, nearness)


def _rank(samples: Samples) -> Places:
    """The order in which samples stay: by split, then by size, then by place."""
    size = samples.column("width").astype(np.int64) * samples.column("height")
    rank = np.empty(len(samples), np.int64)
    rank[np.lexsort((-size, len(ORDER) - samples.split))] = np.arange(len(samples))
    return rank


def _same_bytes(samples: Samples, rank: Places) -> Places:
    digest = samples.column("sha256")
    if not len(rank):
        return rank
    order = np.lexsort((rank, digest[:, 1], digest[:, 0]))  # 128 of its 256 bits
    ordered = digest[order, :2]
    new = np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]
    first = np.empty(len(rank), np.int64)
    first[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return first


def _near(samples: Samples, first: Places, look: Callable[[], None]) -> tuple[Pairs, Nearness]:
    """Pairs of different files, but for flat pictures and those of one group in one split, which are to be alike."""
    able = (samples.column("contrast") >= FLAT) & (samples.column("width") > 0)
    compared = np.flatnonzero(able & (first == np.arange(len(samples))))
    difference = chance(len(compared), lambda places: samples.small(compared[places]))
    found = near_pairs(
        samples.column("hash")[compared], lambda places: samples.small(compared[places]), difference, look
    )
    one, two = compared[found.first], compared[found.second]
    group = samples.column("group")
    apart = (group[one] == 0) | (group[one] != group[two]) | (samples.split[one] != samples.split[two])
    pairs = Pairs(one[apart], two[apart], found.distance[apart], found.complete)
    return pairs, Nearness(bits=BITS, difference=difference, complete=found.complete)


def _by_rank(one: Places, two: Places, rank: Places) -> tuple[Places, Places]:
    turned = rank[one] > rank[two]
    return np.where(turned, two, one), np.where(turned, one, two)


def _greedy(one: Places, two: Places, rank: Places, count: int) -> NDArray[np.bool_]:
    """Which samples have a pair that stays: looked at by rank, so that no chain makes far ones vanish."""
    gone = np.zeros(count, bool)
    for place in np.lexsort((rank[one], rank[two])).tolist():
        if not gone[one[place]]:
            gone[two[place]] = True
    return gone


def _spread(own: Bits, first: Places, one: Places, two: Places) -> Bits:
    """For each sample the bits of all that are alike: of the same bytes, or near to these."""
    same = np.zeros_like(own)
    np.bitwise_or.at(same, first, own)
    all_ = same.copy()
    np.bitwise_or.at(all_, one, same[two])
    np.bitwise_or.at(all_, two, same[one])
    return np.asarray(all_[first])


def _torn(found: Bits, split: Bits, flaw: np.uint32, flaws: Bits, leave: Bits) -> None:
    """Mark what is in several splits; what a later split has too is left out."""
    flaws[found & ~(np.uint32(1) << split) != 0] |= flaw
    leave[found >> (split + np.uint32(1)) != 0] |= flaw


def _disagree(labels: Places, first: Places, one: Places, two: Places) -> NDArray[np.bool_]:
    """For each sample whether those that are alike have different labels."""
    least, most = np.full(len(labels), NONE, np.int64), np.full(len(labels), -1, np.int64)
    known = labels >= 0
    np.minimum.at(least, first[known], labels[known])
    np.maximum.at(most, first[known], labels[known])
    low, high = least.copy(), most.copy()
    for here, there in ((one, two), (two, one)):
        np.minimum.at(low, here, least[there])
        np.maximum.at(high, here, most[there])
    return np.asarray((low < high)[first])


def _firsts(group: Places, count: int) -> Places:
    """The first sample of each group."""
    firsts = np.full(count, len(group), np.int64)
    np.minimum.at(firsts, group, np.arange(len(group)))
    return firsts


def _pairs(
    stays: Places, copies: Places, one: Places, two: Places, rank: Places, split: Bits, labels: Places,
    hashes: NDArray[np.uint64],
) -> NDArray[np.void]:  # fmt: skip
    """All pairs, in the order of what stays."""
    pairs = np.zeros(len(copies) + len(one), PAIR)
    first, second = np.concatenate([stays, one]), np.concatenate([copies, two])
    pairs["first"], pairs["second"] = first, second
    pairs["exact"][: len(copies)] = 1
    pairs["distance"] = np.bitwise_count(hashes[first] ^ hashes[second])
    conflict = (labels[first] >= 0) & (labels[second] >= 0) & (labels[first] != labels[second])
    pairs["flaws"] = (
        np.where(pairs["exact"], EXACT, NEAR)
        | np.where(split[first] != split[second], LEAK, 0)
        | np.where(conflict, CONFLICT, 0)
    )
    return pairs[np.lexsort((rank[second], rank[first]))]
