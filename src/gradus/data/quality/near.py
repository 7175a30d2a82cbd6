"""Pairs of pictures that are nearly the same, among a million in seconds and in bounded memory.

Two hashes of 64 bits that differ in at most 7 differ in at most one bit of one of their four quarters. So samples are
sorted by each quarter in turn, each is compared with those that have the same quarter or one a bit away, and what is
left is compared by the small gray copies (Norouzi, Punjani and Fleet, "Fast search in Hamming space with multi-index
hashing", 2012). A quarter are diagonals of the 8 x 8 frequencies: neighbours often go together, and then many samples
have the same quarter (of MNIST 2.5 times as many as with diagonals).

Hashes alone would take many a handwritten 1 for another. How far apart small copies may be is therefore chosen for each
dataset. Within a distance r of a sample there are about as many others as r to the power of d, the dimensions in which
pictures of this kind differ; the distances to the 8th and the 16th neighbour give d and the density (Levina and Bickel,
"Maximum likelihood estimation of intrinsic dimension", 2004), and these the distance within which less than a tenth of
a pair is to be expected by chance in the whole dataset. Few copies of a picture do not reach the 8th neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from gradus.data.threads import cores

BITS = 7
QUARTERS = 4
DIAGONALS = [[bit for bit in range(64) if (bit // 8 + bit % 8) % QUARTERS == quarter] for quarter in range(QUARTERS)]
NEAREST, FARTHEST = 0.06, 0.35  # between these the difference is chosen
ASKED, COMPARED = 512, 4096  # samples whose neighbours are looked for, and among how many
NEIGHBOUR = 8
TRIMMED = 0.05  # the share of the densest samples that is not counted: many copies of a few pictures
EXPECTED = 0.1  # pairs by chance
BLOCK = 1 << 16  # candidates at once, that a processor's cache holds
FEW = 1 << 11  # small copies at once
EVERY = 2000  # samples up to which each is simply compared with every other
STEPS = 500  # of a deviation, in which coarse copies are kept in two bytes
SLACK = 1 / STEPS  # what rounding may add to a difference
MOST = 1500  # candidates that are looked at for each sample, on average

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]
Small = Callable[[Places], NDArray[np.uint8]]  # the small copies (n, 16, 16) of some samples


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of samples: their places, the first the smaller, and the bits in which their hashes differ.

    `complete`: all that could be pairs were looked at.
    """

    first: Places
    second: Places
    distance: NDArray[np.uint8]
    complete: bool = True


def normal(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Small copies (n, 16, 16) as (n, 256) of mean 0 and deviation 1: brightness and contrast do not count."""
    flat = small.reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.sqrt(np.einsum("ij,ij->i", flat, flat) / flat.shape[1])[:, None] + np.float32(1e-6)
    return flat


def differences(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """By how much pairs of small copies differ once normal: the root mean square, 0 to 2, from whole numbers.

    Of normal copies that is the root of twice what their correlation lacks to 1. Those of one colour have none.
    """
    one, two = first.reshape(len(first), -1), second.reshape(len(second), -1)
    sums = [each.sum(axis=1, dtype=np.int64) for each in (one, two)]
    joint = _covered(one, two, sums[0], sums[1])
    own = _covered(one, one, sums[0], sums[0]) * _covered(two, two, sums[1], sums[1])
    apart: NDArray[np.float64] = np.sqrt(np.maximum(0, 2 - 2 * joint / np.sqrt(np.maximum(own, 1))))
    return apart


def _covered(one: NDArray[np.uint8], two: NDArray[np.uint8], first: Places, second: Places) -> NDArray[np.float64]:
    """The covariances of pairs of rows, times the square of their length; `first` and `second` are their sums."""
    dots = np.einsum("ij,ij->i", one, two, dtype=np.int32)
    return np.asarray(one.shape[1] * dots.astype(np.float64) - first * second.astype(np.float64))


def chance(count: int, small: Small) -> float:
    """The difference within which less than `EXPECTED` pairs of `count` samples are to be expected by chance."""
    compared = np.linspace(0, count - 1, min(count, COMPARED)).astype(np.int64)
    nth = min(NEIGHBOUR, len(compared) // 8)
    if nth < 1:
        return FARTHEST
    asked = np.linspace(0, len(compared) - 1, min(len(compared), ASKED)).astype(np.int64)
    among = normal(small(compared))
    found = np.concatenate([_neighbours(among, some, nth) for some in np.array_split(asked, -(-len(asked) // 64))])
    found = found[np.argsort(found[:, 0], kind="stable")][int(TRIMMED * len(found)) :]
    near, far = np.sqrt(np.maximum(found, 1e-6)).T
    growth = float(np.log(far / near).mean())
    if growth <= 0:
        return NEAREST
    dimensions = log(2) / growth
    share = 2 * EXPECTED / count**2  # of all pairs
    dense = float((near**-dimensions).mean())  # where samples lie densely there are the most pairs by chance
    level = (share * len(compared) / nth / dense) ** (1 / dimensions)
    return round(float(np.clip(level, NEAREST, FARTHEST)), 2)


def _neighbours(among: NDArray[np.float32], asked: Places, nth: int) -> NDArray[np.float64]:
    """The squared distances of some of the normal copies to their nth and 2 nth neighbour."""
    apart = np.maximum(2 - 2 * (among[asked] @ among.T / among.shape[1]), 0)
    apart[np.arange(len(asked)), asked] = np.inf  # itself
    return np.partition(apart, (nth - 1, 2 * nth - 1), axis=1)[:, (nth - 1, 2 * nth - 1)].astype(np.float64)


def near_pairs(hashes: Hashes, small: Small, difference: float, look: Callable[[], None]) -> Pairs:
    """All pairs within `BITS` bits and `difference`. `look` is called often, in several threads, and may raise."""
    coarse = _coarse(len(hashes), small)
    parts = DIAGONALS if len(hashes) > EVERY else [[]]  # a part of no bits is the same for all

    def search(bits: Sequence[int]) -> tuple[Places, bool]:
        found = [np.empty(0, np.int64)]
        left = (MOST * len(hashes) + 500 * BLOCK) // len(parts)
        for tried, first, second in _candidates(hashes, bits):
            look()
            left -= tried
            if left < 0:
                break
            apart = coarse[first].astype(np.float32) - coarse[second]
            near = np.einsum("ij,ij->i", apart, apart) <= (difference + SLACK) ** 2 * 16 * STEPS**2
            first, second = _verified(first[near], second[near], small, difference)
            found.append(np.minimum(first, second) * len(hashes) + np.maximum(first, second))
        return np.concatenate(found), left >= 0

    with ThreadPoolExecutor(min(len(parts), cores())) as pool:
        searched = list(pool.map(search, parts))
    first, second = np.divmod(np.unique(np.concatenate([found for found, _ in searched])), max(1, len(hashes)))
    complete = all(whole for _, whole in searched)
    return Pairs(first, second, np.bitwise_count(hashes[first] ^ hashes[second]), complete)


def _coarse(count: int, small: Small) -> NDArray[np.int16]:
    """The means of 4 x 4 parts of normal copies: two of them differ by no more than the copies do (Jensen)."""
    coarse = np.empty((count, 16), np.int16)
    for start in range(0, count, FEW):
        places = np.arange(start, min(count, start + FEW))
        parts = normal(small(places)).reshape(-1, 4, 4, 4, 4).mean(axis=(2, 4)).reshape(-1, 16)
        coarse[places] = np.rint(parts * STEPS)  # at most 15 deviations: one of 256 values that differs from the rest
    return coarse


def _verified(first: Places, second: Places, small: Small, difference: float) -> tuple[Places, Places]:
    """Those pairs whose small copies are near too."""
    near = np.zeros(len(first), bool)
    for at in range(0, len(first), FEW):
        some = slice(at, at + FEW)
        near[some] = differences(small(first[some]), small(second[some])) <= difference
    return first[near], second[near]


def _candidates(hashes: Hashes, bits: Sequence[int]) -> Iterator[tuple[int, Places, Places]]:
    """How many were tried, and those within `BITS` bits: the same in the given bits, or but for one of them."""
    keys = np.zeros(len(hashes), np.int64)
    for place, bit in enumerate(bits):
        keys |= (hashes >> np.uint64(bit) & np.uint64(1)).astype(np.int64) << place
    order = np.argsort(keys, kind="stable")
    keys, hashes = keys[order], hashes[order]
    starts = np.append(0, np.cumsum(np.bincount(keys, minlength=1 << len(bits))))
    positions = np.arange(len(order))
    for flip in (0, *(1 << bit for bit in range(len(bits)))):
        asking = positions[keys & flip == 0]
        other = keys[asking] ^ flip
        begin = starts[other] if flip else asking + 1
        counts = starts[other + 1] - begin
        for block, own, second in _joined(begin, counts):
            near = np.flatnonzero(np.bitwise_count(np.repeat(hashes[asking[block]], own) ^ hashes[second]) <= BITS)
            first = asking[block][np.searchsorted(np.cumsum(own), near, side="right")]
            yield len(second), order[first], order[second[near]]


def _joined(begin: Places, counts: Places) -> Iterator[tuple[slice, Places, Places]]:
    """In blocks: which rows, their counts, and for each of them its `counts` positions from `begin` on."""
    ends = np.cumsum(counts)
    at = 0
    while at < len(counts):
        done = int(ends[at - 1]) if at else 0
        until = max(at + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
        block = slice(at, until)
        own = counts[block]
        if total := int(ends[until - 1]) - done:
            yield block, own, np.arange(total) + np.repeat(begin[block] + own - ends[block] + done, own)
        at = until
