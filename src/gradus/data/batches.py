"""Records of a database as batches of pixels, for training.

A split that fits in memory becomes one uint8 array, filled as its pictures are first asked for: the
first pass decodes, every later one only copies. A larger split is read from the database each time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import DatasetFacts, Split
from gradus.core.errors import InputError, MemoryLimitError
from gradus.data.memory import available_memory
from gradus.data.readers.database import Numbered, open_numbered
from gradus.data.readers.lmdb import label_of
from gradus.data.records import fill
from gradus.data.threads import cores

INLINE = 1 << 20  # pixels in bytes below which handing work to threads costs more than it saves


class Samples:
    """The records of one split. Any thread may call `gather`.

    `labels` is int64 (N,), `shape` the pictures' (height, width, channels); pixels are BGR or gray.
    """

    def __init__(self, database: Numbered, shape: tuple[int, int, int], memory_budget: int) -> None:
        self.shape = shape
        self._database = database
        self._keys = database.keys()
        self.labels: NDArray[np.int64] = np.fromiter(map(label_of, self._keys), np.int64, len(self._keys))
        self.fits_memory = len(self._keys) * self._picture_bytes <= memory_budget
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        kept = len(self._keys) if self.fits_memory else 0
        self._pixels: NDArray[np.uint8] = np.empty((kept, *shape), np.uint8)  # no memory until it is filled
        self._filled = np.zeros(kept, np.bool_)
        self._left = kept

    def __len__(self) -> int:
        return len(self._keys)

    def gather(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """The pictures at `indices`, in that order: a new uint8 array (n, height, width, channels)."""
        wanted = np.asarray(indices, np.intp)
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"samples are numbered 0 to {len(self) - 1}")
        if self.fits_memory:
            self._ensure(wanted)
            return self._pixels.take(wanted, axis=0)
        out = np.empty((len(wanted), *self.shape), np.uint8)
        self._decode(wanted, out, np.arange(len(wanted)))
        return out

    def all(self) -> NDArray[np.uint8]:
        """Every picture of the split in one array, which is shared and not to be written to."""
        if not self.fits_memory:
            raise MemoryLimitError(
                f"{len(self):,} pictures of {self._picture_bytes:,} bytes do not fit in memory",
                hint="Read them batch by batch.",
            )
        self._ensure(np.arange(len(self)))
        return self._pixels

    def close(self) -> None:
        """Release the database and the memory."""
        if self._pool is not None:
            self._pool.shutdown()
        self._database.close()
        self._pixels = np.empty((0, *self.shape), np.uint8)

    @property
    def _picture_bytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    def _ensure(self, wanted: NDArray[np.intp]) -> None:
        if self._left == 0:
            return
        missing = np.unique(wanted[~self._filled[wanted]])
        if missing.size == 0:
            return
        if self._database.in_order:
            missing = np.flatnonzero(~self._filled)
        self._decode(missing, self._pixels, missing)
        with self._lock:  # another thread may have filled the same rows, with the same pixels
            self._filled[missing] = True
            self._left = len(self) - int(np.count_nonzero(self._filled))

    def _decode(self, wanted: NDArray[np.intp], out: NDArray[np.uint8], rows: NDArray[np.intp]) -> None:
        """Decode record `wanted[i]` into `out[rows[i]]`."""
        parts = min(cores(), max(1, len(wanted) * self._picture_bytes // INLINE), max(1, len(wanted)))
        if parts == 1:
            self._decode_part(wanted, out, rows)
            return
        done = self._threads().map(
            lambda part: self._decode_part(part[0], out, part[1]),
            zip(np.array_split(wanted, parts), np.array_split(rows, parts), strict=True),
        )
        for _ in done:  # raises what a thread raised
            pass

    def _decode_part(self, wanted: NDArray[np.intp], out: NDArray[np.uint8], rows: NDArray[np.intp]) -> None:
        keys = [self._keys[i] for i in wanted.tolist()]
        with self._database.records(keys) as records:
            for key, row, record in zip(keys, rows.tolist(), records, strict=True):
                try:
                    fill(out[row], record)
                except InputError as error:
                    raise _damaged(self._database.path, key, error) from error

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
            return self._pool


def open_split(folder: Path, facts: DatasetFacts, split: Split, *, memory_budget: int | None = None) -> Samples:
    """Open one database for reading. Costs its keys only: pictures are decoded when first asked for.

    `memory_budget` is in bytes; by default half of the memory that is free.
    """
    budget = available_memory() // 2 if memory_budget is None else memory_budget
    database = open_numbered(folder / f"{split}_db")
    return Samples(database, (facts.height, facts.width, facts.channels), budget)


def _damaged(path: Path, key: bytes, error: InputError) -> InputError:
    return InputError(
        f"{path.name}, record {key.decode(errors='replace')}: {error}",
        file=str(path),
        hint="Build the dataset again.",
    )
