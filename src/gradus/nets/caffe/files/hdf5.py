"""Caffe's HDF5 files: weights as `data/<layer>/<i>`, a solver's state as `history/<i>` (catalogue 4.3).

A layer whose name has a slash is a group in a group. Of blobs that layers share only the owner's is there.
Nothing outside the file is followed, and no number is read before its blob's shape is known to be wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError, NetworkError
from gradus.data.files import atomic
from gradus.nets.caffe.files.stored import Stored, Weights, by_place, explained

MAGIC = b"\x89HDF\r\n\x1a\n"
DEPTH_LIMIT = 32  # slashes in a layer's name
PART_LIMIT = 50_000  # groups and datasets in one file; a network of 5,000 layers has a third
RATIO_LIMIT, SMALL = 100, 2**24  # how many bytes a stored one may unpack to, beyond so many in all


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, by its first bytes."""
    with explained(path, "an HDF5 file"), path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def opened(path: Path, kind: str) -> Iterator[h5py.File]:
    """An HDF5 file, closed at the end; what h5py has to say of it becomes a NetworkError."""
    with explained(path, kind):
        try:
            with h5py.File(path, "r") as file:
                yield file
        except (RuntimeError, ValueError, KeyError, TypeError, UnicodeError, MemoryError, OSError) as problem:
            if isinstance(problem, FileNotFoundError | PermissionError | IsADirectoryError):
                raise
            raise InputError(str(problem)) from problem


def read_hdf5(path: Path) -> Weights:
    """The blobs of every layer of a `.caffemodel.h5`."""
    layers: dict[str, dict[str, Stored]] = {}
    with opened(path, "a caffemodel in HDF5") as file:
        data = member(file, "data", h5py.Group)
        if data is not None:
            for name, datasets in _groups(data, "", set()):
                layers[name] = by_place({i: Stored(d.shape, _reader(path, d.name)) for i, d in datasets.items()})
    if not layers:
        raise NetworkError(f"{path.name} holds no layers", file=str(path), hint="Is it a solverstate?")
    return Weights(str(path), layers)


def member(group: h5py.Group, name: str, kind: type[Any]) -> Any:
    """What lies in a group under a name, if it is of that kind and in the same file, else None."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):  # not a link to another place or file
        return None
    found = group.get(name)
    return found if isinstance(found, kind) else None


def _groups(group: h5py.Group, name: str, seen: set[int]) -> Iterator[tuple[str, dict[int, h5py.Dataset]]]:
    """Each layer's name and its datasets by their places. `seen` are the places in the file that were met."""
    if name.count("/") > DEPTH_LIMIT:
        raise InputError(f"groups nest deeper than {DEPTH_LIMIT}")
    datasets: dict[int, h5py.Dataset] = {}
    inner = 0
    for key in group:
        found = member(group, key, h5py.Group | h5py.Dataset)
        if found is not None:
            place = h5py.h5o.get_info(found.id).addr
            if place in seen or len(seen) == PART_LIMIT:
                raise InputError("its groups go in a circle, or are more than any network has")
            seen.add(place)
        if isinstance(found, h5py.Group):
            inner += 1
            yield from _groups(found, f"{name}/{key}" if name else key, seen)
        elif found is not None and key.isdecimal() and len(key) < 5:
            datasets[int(key)] = found
    if name and (datasets or not inner):
        yield name, datasets


def _reader(path: Path, place: str) -> Callable[[], NDArray[Any]]:
    """A function that opens the file again and reads one dataset: a file is not kept open for its blobs."""

    def read() -> NDArray[Any]:
        with opened(path, "a caffemodel in HDF5") as file:
            return numbers(file[place])

    return read


def numbers(dataset: h5py.Dataset) -> NDArray[Any]:
    """A dataset's values; `InputError` where they are not numbers or lie in other files."""
    if dataset.dtype.kind not in "fiu" or dataset.is_virtual or dataset.external:
        raise InputError(f"{dataset.name} does not hold numbers of its own ({dataset.dtype})")
    if dataset.nbytes > max(SMALL, RATIO_LIMIT * dataset.id.get_storage_size()):
        raise InputError(f"{dataset.name} says that it has {dataset.size:,} values, and holds far fewer")
    return np.asarray(dataset[()])


def write_hdf5(path: Path, layers: Sequence[Any], blobs: Mapping[str, Sequence[NDArray[Any] | None]]) -> None:
    """Write layers' blobs by layer name; None stands for a blob that another layer owns."""
    with writing_hdf5(path) as file:
        data = file.create_group("data")
        for layer in layers:
            group = data.require_group(layer.name) if layer.name else data
            for i, blob in enumerate(blobs.get(layer.name, ())):
                if blob is not None:
                    group.create_dataset(str(i), data=np.asarray(blob, np.float32))


@contextmanager
def writing_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file that is there whole or not at all."""
    with atomic(path) as target, h5py.File(target, "w") as file:
        yield file
