"""Which samples of a generic database have which classes: `classes.npy` beside its features and labels."""

from __future__ import annotations

import io
from array import array
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.data.files import write_bytes

FILE = "classes.npy"


def write_marked(folder: Path, pairs: array[int]) -> None:
    """Write pairs of a sample's number and the number of a class that it has, in the order of samples."""
    content = io.BytesIO()
    np.save(content, np.array(pairs, "<u4").reshape(-1, 2), allow_pickle=False)
    write_bytes(folder / FILE, content.getvalue())


def samples_with(folder: Path, label: int) -> NDArray[np.uint32]:
    """The numbers of the samples that have a class, in rising order; none where it is not known."""
    path = folder / FILE
    if not path.is_file():
        return np.zeros(0, np.uint32)
    pairs = _read(path, path.stat().st_mtime_ns)
    return np.sort(pairs[pairs[:, 1] == label, 0])


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> NDArray[np.uint32]:
    pairs: NDArray[np.uint32] = np.load(path, allow_pickle=False)
    return pairs
