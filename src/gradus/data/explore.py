"""A look into a database: a page of its records, and one record as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import DatasetFacts, Split
from gradus.core.errors import NotFoundError
from gradus.data.png import encode_png
from gradus.data.readers.database import open_numbered
from gradus.data.readers.lmdb import label_of
from gradus.data.records import fill


@dataclass(frozen=True, slots=True)
class Sample:
    """One record: its place in the database, the number of its class and its key."""

    index: int
    label: int
    key: str


def read_samples(
    folder: Path, facts: DatasetFacts, split: Split, label: int | None, offset: int, limit: int
) -> list[Sample]:
    """Records `offset` to `offset + limit` of a split, or of one class of it, in database order."""
    path = _database(folder, facts, split)
    if offset < 0 or limit <= 0:
        return []
    if label is None:
        database = open_numbered(path)
        try:
            keys = database.keys_from(b"%08d" % offset, limit)
        finally:
            database.close()
        return [Sample(offset + i, label_of(key), key.decode()) for i, key in enumerate(keys)]
    wanted = np.flatnonzero(_labels(path, path.stat().st_mtime_ns) == label)[offset : offset + limit]
    return [Sample(i, label, f"{i:08d}_{label}") for i in wanted.tolist()]


def sample_png(folder: Path, facts: DatasetFacts, split: Split, index: int) -> bytes:
    """One record as a PNG made anew from its pixels, so that nothing else of the source is served."""
    path = _database(folder, facts, split)
    pixels = np.empty((facts.height, facts.width, facts.channels), np.uint8)
    database = open_numbered(path)
    try:
        keys = database.keys_from(b"%08d_" % index, 1) if index >= 0 else []
        if not keys or int(keys[0][:8]) != index:
            raise NotFoundError(f"{split} has no record {index}; it has {len(database):,}")
        with database.records(keys) as records:
            fill(pixels, next(records))
    finally:
        database.close()
    return encode_png(pixels[..., ::-1])


def _database(folder: Path, facts: DatasetFacts, split: Split) -> Path:
    if facts.split(split) is None:
        raise NotFoundError(f"This dataset has no {split} records")
    return folder / f"{split}_db"


@lru_cache(maxsize=8)
def _labels(path: Path, _changed: int) -> NDArray[np.int32]:
    """The label of every record, kept because a class is paged through; `_changed` tells databases apart."""
    database = open_numbered(path)
    try:
        keys = database.keys()
    finally:
        database.close()
    return np.fromiter(map(label_of, keys), np.int32, len(keys))
