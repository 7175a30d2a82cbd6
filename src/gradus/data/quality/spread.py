"""How evenly classes are filled, and how the measures of pictures are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Split
from gradus.core.quality import Balance, ClassCount, Histogram
from gradus.data.index import Index

BINS = 24
WIDE = 32  # times the least is the most: bins grow with the values then

Name = Literal["width", "height", "aspect", "brightness", "contrast", "bytes"]


def balances(counts: Mapping[Split, Sequence[int]], labels: Sequence[str]) -> list[Balance]:
    """The smallest and the largest class of each split; nothing where there are no classes."""
    return [_balance(split, own, labels) for split, own in counts.items() if labels and sum(own)]


def _balance(split: Split, counts: Sequence[int], labels: Sequence[str]) -> Balance:
    least, most = min(counts), max(counts)
    filled = min(count for count in counts if count)
    small, large = counts.index(least), counts.index(most)
    return Balance(
        split=split,
        smallest=ClassCount(label=small, name=labels[small], count=least),
        largest=ClassCount(label=large, name=labels[large], count=most),
        ratio=round(most / filled, 3),
        empty=[label for label, count in zip(labels, counts, strict=True) if not count],
    )


def histograms(indexes: Mapping[Split, Index]) -> list[Histogram]:
    """The measures of the pictures of all splits, with the same bins for each split."""
    made = (_histogram(name, {split: _values(name, index) for split, index in indexes.items()}) for name in _NAMES)
    return [each for each in made if each is not None]


_NAMES: tuple[Name, ...] = get_args(Name)


def _values(name: Name, index: Index) -> NDArray[np.float64]:
    records = index.records[index.records["width"] > 0]
    if name == "aspect":
        return np.asarray(records["width"] / np.maximum(records["height"], 1), np.float64)
    return np.asarray(records[name], np.float64)


def _histogram(name: Name, values: Mapping[Split, NDArray[np.float64]]) -> Histogram | None:
    filled = [own for own in values.values() if len(own)]
    if not filled:
        return None
    least, most = min(own.min() for own in filled), max(own.max() for own in filled)
    if name in ("brightness", "contrast"):
        edges = np.linspace(0, 255 if name == "brightness" else 128, 33)
    elif least == most:
        edges = np.array([least, least + 1])
    elif least > 0 and most > WIDE * least:
        edges = np.geomspace(least, most, BINS + 1)
    else:
        edges = np.linspace(least, most, BINS + 1)
    edges = np.unique(np.round(edges, 4))
    edges[0], edges[-1] = min(edges[0], least), max(edges[-1], most)
    counts = {split: [int(n) for n in np.histogram(own, edges)[0]] for split, own in values.items()}
    return Histogram(name=name, edges=edges.tolist(), counts=counts)
