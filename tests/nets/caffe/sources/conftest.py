"""Sources opened from the text of one layer, on files written by the libraries that Caffe itself uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.table import open_source
from gradus.nets.caffe.text.prototxt import parse_network


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a layer's source: `opened('type: "Data" ...', training=True, seed=1)`. Paths start at tmp_path."""
    sources: list[Source] = []

    def make(text: str, *, training: bool = False, seed: int | None = 1, **reading: Any) -> Source:
        tops = "" if "top:" in text else 'top: "data" top: "label"'
        _, definitions = parse_network(f'name: "n"\nlayer {{ name: "it" {tops}\n{text} }}')
        source = open_source(definitions[0], Reading(training=training, seed=seed, root=tmp_path, **reading))
        sources.append(source)
        return source

    yield make
    for source in sources:
        source.close()


def datum(pixels: np.ndarray, label: int = 0, file: bytes = b"") -> bytes:
    """A (C, H, W) picture as protobuf's own code writes it: uint8 as data, others as float_data, or as a `file`."""
    channels, height, width = pixels.shape
    values: dict[str, Any] = {"float_data": pixels.ravel().tolist()}
    if file:
        values = {"data": file, "encoded": True}
    elif pixels.dtype == np.uint8:
        values = {"data": pixels.tobytes()}
    message = message_class("Datum")(channels=channels, height=height, width=width, label=label, **values)
    return bytes(message.SerializeToString())


def write_lmdb(path: Path, records: dict[bytes, bytes]) -> None:
    with lmdb.open(str(path), map_size=1 << 26) as environment, environment.begin(write=True) as transaction:
        for key, value in records.items():
            transaction.put(key, value)


@pytest.fixture
def pictures(rng: np.random.Generator) -> np.ndarray:
    """Seven pictures, uint8 (7, 3, 6, 5)."""
    return rng.integers(0, 256, (7, 3, 6, 5), dtype=np.uint8)


@pytest.fixture
def database(tmp_path: Path, pictures: np.ndarray) -> Path:
    """The pictures in an LMDB `db`, written out of order; label i is 10 * i."""
    records = {b"%08d" % i: datum(pictures[i], 10 * i) for i in (3, 1, 6, 0, 5, 2, 4)}
    write_lmdb(tmp_path / "db", records)
    return tmp_path / "db"


@pytest.fixture
def datums() -> Any:
    """`datums.datum(pixels, label)` and `datums.write_lmdb(path, records)`."""
    return type("Datums", (), {"datum": staticmethod(datum), "write_lmdb": staticmethod(write_lmdb)})
