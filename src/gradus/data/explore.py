"""A look into a database: a page of its records, and one record as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Order, Split
from gradus.core.errors import NotFoundError
from gradus.core.flaw import Flaw, bits
from gradus.core.generic import GenericFacts
from gradus.data.arrays import FEATURES, LABELS, decode_record, is_picture
from gradus.data.datum import decode_datum
from gradus.data.facts import Facts
from gradus.data.index import open_indexes
from gradus.data.marked import samples_with
from gradus.data.png import encode_png
from gradus.data.readers.database import open_numbered
from gradus.data.readers.lmdb import label_of
from gradus.data.records import fill
from gradus.plugins.data import Array

MOST_ROWS = 4096  # of what is no picture, drawn as one


@dataclass(frozen=True, slots=True)
class Sample:
    """One record: its place in the database, the number of its class and its key."""

    index: int
    label: int
    key: str


def read_samples(folder: Path, facts: Facts, split: Split, label: int | None, offset: int, limit: int) -> list[Sample]:
    """Records `offset` to `offset + limit` of a split, or of those with one class, in database order."""
    path = _database(folder, facts, split)
    if offset < 0 or limit <= 0:
        return []
    generic = isinstance(facts, GenericFacts)
    if label is None:
        database = open_numbered(path)
        try:
            keys = database.keys_from(b"%09d" % offset if generic else b"%08d" % offset, limit)
        finally:
            database.close()
        return [Sample(offset + i, label_of(key), key.decode()) for i, key in enumerate(keys)]
    if generic:
        chosen = samples_with(path.parent, label)[offset : offset + limit]
        return [Sample(i, label, f"{i:09d}") for i in chosen.tolist()]
    wanted = np.flatnonzero(_labels(path, path.stat().st_mtime_ns) == label)[offset : offset + limit]
    return [Sample(i, label, f"{i:08d}_{label}") for i in wanted.tolist()]


def count_samples(folder: Path, facts: Facts, split: Split, label: int | None) -> int:
    """How many records a split has, or has with one class."""
    found = facts.split(split)
    if found is None or label is None:
        return found.count if found else 0
    if isinstance(facts, GenericFacts):
        return len(samples_with(_database(folder, facts, split).parent, label))
    return found.class_counts[label]


def read_flawed(
    folder: Path, facts: Facts, split: Split, problem: Flaw | None, label: int | None, order: Order | None = None
) -> list[Sample]:
    """The records of a split with which something is wrong, of one class if `label` is given, in an order.

    Without `problem` all of them, without `order` as they lie in the database.
    """
    index = open_indexes(folder).get(split)
    if index is None:
        return []
    flaws = bits((problem,)) if problem else 0
    if isinstance(facts, GenericFacts):
        places = index.where(flaws=flaws)
        if label is not None:
            places = np.intersect1d(places, samples_with(_database(folder, facts, split).parent, label))
        places = index.ordered(places, order) if order else places
        return [Sample(i, -1, f"{i:09d}") for i in places.tolist()]
    places = index.where(label=label, flaws=flaws)
    places = index.ordered(places, order) if order else places
    labels = index.records["label"][places].tolist()
    return [Sample(i, own, f"{i:08d}_{own}") for i, own in zip(places.tolist(), labels, strict=True)]


def sample_png(folder: Path, facts: Facts, split: Split, index: int) -> bytes:
    """One record as a PNG made anew from its pixels, so that nothing else of the source is served."""
    if isinstance(facts, GenericFacts):
        return encode_png(as_picture(read_feature(folder, facts, split, index)))
    path = _database(folder, facts, split)
    pixels = np.empty((facts.height, facts.width, facts.channels), np.uint8)
    with _record(path, split, index, b"%08d_" % index) as record:
        fill(pixels, record)
    return encode_png(pixels[..., ::-1])


def read_feature(folder: Path, facts: GenericFacts, split: Split, index: int) -> Array:
    """The feature of one sample, as `decode_record` gives it."""
    with _record(_database(folder, facts, split), split, index, b"%09d" % index) as record:
        return decode_record(bytes(record))


def feature_size(folder: Path, facts: GenericFacts, split: Split, index: int) -> tuple[int, int]:
    """Width and height of a feature, as its record says."""
    with _record(_database(folder, facts, split), split, index, b"%09d" % index) as record:
        datum = decode_datum(record)
        return datum.width, datum.height


def read_label(folder: Path, facts: GenericFacts, split: Split, index: int) -> Array | None:
    """The label of one sample, as `decode_record` gives it; None where samples have none."""
    path = _database(folder, facts, split).with_name(LABELS)
    if not path.is_dir():
        return None
    with _record(path, split, index, b"%09d" % index) as record:
        return decode_record(bytes(record))


def as_picture(values: Array) -> NDArray[np.uint8]:
    """Any array as (height, width, 1 or 3): pictures as they are, others as planes below each other, least to most."""
    if is_picture(values):
        pixels = np.asarray(values, np.uint8)
        return pixels if pixels.ndim == 3 else pixels[..., None]
    rows = np.asarray(values, np.float64).reshape(-1, values.shape[-1])[:MOST_ROWS, :MOST_ROWS]
    low, high = float(rows.min()), float(rows.max())
    return np.round((rows - low) * (255 / ((high - low) or 1))).astype(np.uint8)[..., None]


@contextmanager
def _record(path: Path, split: Split, index: int, start: bytes) -> Iterator[memoryview]:
    database = open_numbered(path)
    try:
        keys = database.keys_from(start, 1) if index >= 0 else []
        if not keys or not keys[0].startswith(start):
            raise NotFoundError(f"{split} has no record {index}; it has {len(database):,}")
        with database.records(keys) as records:
            yield next(records)
    finally:
        database.close()


def _database(folder: Path, facts: Facts, split: Split) -> Path:
    if facts.split(split) is None:
        raise NotFoundError(f"This dataset has no {split} records")
    return folder / f"{split}_db" / FEATURES if isinstance(facts, GenericFacts) else folder / f"{split}_db"


@lru_cache(maxsize=8)
def _labels(path: Path, _changed: int) -> NDArray[np.int32]:
    """The label of every record, kept because a class is paged through; `_changed` tells databases apart."""
    database = open_numbered(path)
    try:
        keys = database.keys()
    finally:
        database.close()
    return np.fromiter(map(label_of, keys), np.int32, len(keys))
