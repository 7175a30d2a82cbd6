"""All samples of a dataset together, one split after the other, as arrays. A sample's number counts through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Split
from gradus.core.quality import SampleRef
from gradus.data.index import SIDE, Index
from gradus.data.lists import escape
from gradus.data.quality.near import differences

ORDER = tuple(Split)  # later ones are what models are compared by: of two that are alike, the later one's stays

FLAT = 4.0  # deviation below which a picture has nothing to compare
FAR = 65  # more bits than there are
LOOKED_AT = 512  # small copies, where alike ones are asked for

Places = NDArray[np.int64]


class Samples:
    """The indexes of a dataset's splits as one. `split` has the place in `ORDER` of each sample's split."""

    def __init__(self, indexes: Mapping[Split, Index]) -> None:
        self.indexes = [(place, indexes[split]) for place, split in enumerate(ORDER) if split in indexes]
        self.starts = np.cumsum([0, *(len(index) for _, index in self.indexes)])
        self.split = np.repeat(
            np.array([place for place, _ in self.indexes], np.uint8), np.diff(self.starts).astype(np.int64)
        )

    def __len__(self) -> int:
        return int(self.starts[-1])

    def column(self, name: str) -> NDArray[Any]:
        """One field of all records."""
        if not self.indexes:
            return np.empty(0)
        return np.concatenate([index.records[name] for _, index in self.indexes])

    def put(self, name: str, values: NDArray[Any]) -> None:
        """Write one field of all records."""
        for (_, index), start, end in zip(self.indexes, self.starts, self.starts[1:], strict=False):
            index.records[name] = values[start:end]

    def small(self, numbers: Places) -> NDArray[np.uint8]:
        """The small copies of some samples."""
        found = np.empty((len(numbers), SIDE, SIDE), np.uint8)
        for (_, index), start, end in zip(self.indexes, self.starts, self.starts[1:], strict=False):
            inside = (numbers >= start) & (numbers < end)
            found[inside] = index.small[numbers[inside] - start]
        return found

    def ref(self, number: int) -> SampleRef:
        """A sample as it is named elsewhere."""
        part = int(np.searchsorted(self.starts, number, side="right")) - 1
        _, index = self.indexes[part]
        place = int(number - self.starts[part])
        label = int(index.records["label"][place])
        return SampleRef(
            split=index.split, index=place, file=escape(index.name(place)), label=label if label >= 0 else None
        )

    def like(self, number: int, limit: int) -> list[tuple[int, int, float]]:
        """The samples that look most like one: their numbers, the bits of the hash that differ, the differences.

        Of those nearest by their hashes the ones whose small copies are nearest, without what is no picture.
        """
        hashes = self.column("hash")
        distances = np.bitwise_count(hashes ^ hashes[number]).astype(np.int64)
        distances[self.column("width") == 0] = FAR
        if self.column("contrast")[number] >= FLAT:  # what has nothing to compare is not like it
            distances[self.column("contrast") < FLAT] = FAR
        distances[number] = FAR
        most = min(len(distances), max(LOOKED_AT, 2 * limit))
        nearest = np.sort(np.argpartition(distances * len(distances) + np.arange(len(distances)), most - 1)[:most])
        nearest = nearest[distances[nearest] < FAR]
        own = np.repeat(self.small(np.array([number])), len(nearest), axis=0)
        apart = differences(self.small(nearest), own).round(4) if len(nearest) else np.empty(0)
        order = np.lexsort((nearest, distances[nearest], apart))[:limit]
        return [(int(nearest[i]), int(distances[nearest[i]]), float(apart[i])) for i in order]

    def number(self, split: Split, place: int) -> int:
        """The number of a sample of a split."""
        part = next(i for i, (_, index) in enumerate(self.indexes) if index.split is split)
        return int(self.starts[part]) + place
