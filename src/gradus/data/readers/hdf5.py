"""Pictures in HDF5 files of DIGITS' layout (`gradus.data.writers.hdf5`), read as records like those of an LMDB.

`data` may be floats of 0 to 255 or uint8. Red, green, blue become a record's blue, green, red.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError, NotFoundError
from gradus.data.datum import encode_datum
from gradus.data.writers.hdf5 import LIST

BLOCK = 256  # pictures read at once at most
_HINT = "Build the dataset again."


class Hdf5Database:
    """The records of one folder of HDF5 files, in order. Keys are those that an LMDB would have."""

    in_order = True  # reading one picture unpacks its neighbours: all at once is quicker

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: list[h5py.File] = []
        self._data: list[h5py.Dataset] = []
        self._starts = [0]
        labels: list[NDArray[np.int64]] = []
        try:
            for name in _names(path):
                self._files.append(h5py.File(path / name, "r", locking=False))
                data, label = (_dataset(self._files[-1], kind, path) for kind in ("data", "label"))
                if data.ndim != 4 or data.shape[1] not in (1, 3) or label.size != len(data):
                    raise InputError(f"{name} is not of pictures and labels: {data.shape} and {label.shape}")
                self._data.append(data)
                self._starts.append(self._starts[-1] + len(data))
                labels.append(np.asarray(label[()]).reshape(-1).astype(np.int64))
        except (OSError, RuntimeError) as error:
            self.close()
            raise InputError(f"The database {path.name} cannot be read: {error}", file=str(path), hint=_HINT) from error
        except InputError:
            self.close()
            raise
        self._labels = np.concatenate(labels) if labels else np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._starts[-1]

    def keys(self) -> list[bytes]:
        """Every key, in order."""
        return self._keys(0, len(self))

    def keys_from(self, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys from `start` on, in order."""
        if limit <= 0:
            return []
        number = int(start[:8]) if start[:8].isdigit() else 0
        first = next((at for at in count(number) if at >= len(self) or self._key(at) >= start), len(self))
        return self._keys(first, first + limit)

    @contextmanager
    def after(self, key: bytes | None) -> Iterator[Iterator[tuple[bytes, memoryview]]]:
        """Keys and records in order, those behind `key` or all."""
        start = 0 if key is None else int(key[:8]) + 1
        keys = self._keys(start, len(self))
        yield zip(keys, self._records(keys), strict=True)

    @contextmanager
    def records(self, keys: Sequence[bytes]) -> Iterator[Iterator[memoryview]]:
        """The records of `keys`, in that order."""
        yield self._records(keys)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()
        self._files, self._data = [], []

    def _key(self, index: int) -> bytes:
        return b"%08d_%d" % (index, self._labels[index])

    def _keys(self, start: int, end: int) -> list[bytes]:
        return [self._key(index) for index in range(start, min(end, len(self)))]

    def _records(self, keys: Sequence[bytes]) -> Iterator[memoryview]:
        at = 0
        while at < len(keys):
            first = int(keys[at][:8]) if keys[at][:8].isdigit() else len(self)
            if first >= len(self):
                raise NotFoundError(f"{self.path.name} has no record {keys[at].decode(errors='replace')}")
            part = int(np.searchsorted(self._starts, first, side="right")) - 1
            length = 1
            most = min(BLOCK, len(keys) - at, self._starts[part + 1] - first)
            while length < most and keys[at + length][:8] == b"%08d" % (first + length):
                length += 1
            yield from self._block(part, first, length)
            at += length

    def _block(self, part: int, first: int, length: int) -> Iterator[memoryview]:
        start = first - self._starts[part]
        try:
            values = self._data[part][start : start + length]
        except (OSError, RuntimeError) as error:
            raise InputError(f"{self.path.name} is damaged at record {first}: {error}", hint=_HINT) from error
        for index, planes in enumerate(_bytes(values), first):
            channels, height, width = planes.shape
            label = int(self._labels[index])
            data = planes[::-1].tobytes()
            yield memoryview(
                encode_datum(data, channels=channels, height=height, width=width, label=label, encoded=False)
            )


def _names(path: Path) -> list[str]:
    """The files in order, by their names alone: they lie beside their list, wherever they were made."""
    if (path / LIST).is_file():
        return [Path(line).name for line in (path / LIST).read_text().splitlines() if line.strip()]
    return sorted((file.name for file in path.glob("*.h5")), key=lambda name: (len(name), name))


def _dataset(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    """A dataset whose values lie in the file itself."""
    link = file.get(name, getlink=True)
    data = file.get(name) if isinstance(link, h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual or data.dtype.kind not in "iuf":
        raise InputError(f"{Path(file.filename).name} has no numbers named {name} of its own", file=str(path))
    return data


def _bytes(values: NDArray[np.number]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return np.asarray(values, np.uint8)
    if not (values.min() >= 0 and values.max() <= 255):  # also for NaN
        raise InputError("The pictures are not of values from 0 to 255")
    return np.asarray(np.rint(values), np.uint8)
