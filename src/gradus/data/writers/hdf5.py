"""Records written to HDF5 in DIGITS' layout, which Caffe's HDF5Data layer reads.

Files `0.h5`, `1.h5`, ... with `data` (float32 N x 3 or 1 x height x width, red, green, blue, 0 to 255) and
`label` (int32 N), and a `list.txt` that names them in order. A new file begins before `data` has 2^31 elements:
more Caffe cannot count.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gradus.core.dataset import Compression
from gradus.core.errors import InputError
from gradus.data.datum import planes_of
from gradus.data.files import FULL, storage_full, sync_folder, write_text
from gradus.data.wire import Buffer

LIST = "list.txt"
MOST_ELEMENTS = 2**31 - 1  # of a file's data
CHUNK_BYTES = 2**18  # about what is read or unpacked to get at one picture
BLOCK_BYTES = 2**24  # written at once
SPARE_BYTES = 2**20  # left free: HDF5 cannot even be closed on a full disk
_ERRNO = re.compile(r"errno = ([0-9]+)")


class Hdf5Writer:
    """Appends records; the caller moves the folder to its final name after `close`."""

    def __init__(self, folder: Path, compression: Compression, most_elements: int = MOST_ELEMENTS) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.count = 0
        self._gzip = compression is Compression.GZIP
        self._most_elements = most_elements
        self._names: list[str] = []
        self._file: h5py.File | None = None
        self._room = 0  # pictures that the file still takes
        self._chunk = self._block = 1
        self._pending: list[Buffer] = []

    def append(self, records: Sequence[tuple[int, Buffer]]) -> None:
        """Add (label, record) pairs behind those already there: raw pictures, all of one size."""
        self._pending.extend(record for _, record in records)
        self.count += len(records)
        if self._pending and not self._names:
            self._measure(len(self._pending[0]) * 4)
        while len(self._pending) >= self._block:
            self._write(self._pending[: self._block])
            del self._pending[: self._block]

    def close(self) -> int:
        """Write what is left, flush it to the disk and return the size of the database in bytes."""
        if self._pending:
            self._write(self._pending)
            self._pending = []
        self._finish()
        write_text(self.folder / LIST, "".join(f"{name}\n" for name in self._names))
        sync_folder(self.folder)
        return sum(path.stat().st_size for path in self.folder.iterdir())

    def __enter__(self) -> Hdf5Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except (OSError, RuntimeError):  # it is given up, and the disk may be full
                self._file = None

    def _measure(self, picture: int) -> None:
        self._chunk = max(1, CHUNK_BYTES // picture)
        self._block = self._chunk * max(1, BLOCK_BYTES // (picture * self._chunk))

    def _write(self, records: Sequence[Buffer]) -> None:
        found = planes_of(records)
        if found is None:
            raise InputError("HDF5 takes raw pictures of one size only")
        planes, labels = found
        colours = planes[:, ::-1].astype(np.float32)  # red, green, blue
        numbers = np.asarray(labels, np.int32)
        if shutil.disk_usage(self.folder).free < colours.nbytes + SPARE_BYTES:
            raise storage_full(f"the database {self.folder.name}", self.folder)
        try:
            at = 0
            while at < len(numbers):
                if not self._room:
                    self._begin(colours.shape[1:])
                taken = min(self._room, len(numbers) - at)
                self._extend("data", colours[at : at + taken])
                self._extend("label", numbers[at : at + taken])
                self._room -= taken
                at += taken
        except (OSError, RuntimeError) as error:
            raise self._explained(error) from error

    def _begin(self, shape: tuple[int, ...]) -> None:
        self._finish()
        self._names.append(f"{len(self._names)}.h5")
        self._room = max(1, self._most_elements // int(np.prod(shape)))
        options: dict[str, Any] = {"compression": "gzip"} if self._gzip else {}
        self._file = h5py.File(self.folder / self._names[-1], "w")
        chunks = (min(self._chunk, self._room), *shape)
        self._file.create_dataset("data", (0, *shape), "<f4", maxshape=(None, *shape), chunks=chunks, **options)
        self._file.create_dataset("label", (0,), "<i4", maxshape=(None,), chunks=(4096,), **options)

    def _extend(self, name: str, rows: np.ndarray[Any, Any]) -> None:
        assert self._file is not None
        data = self._file[name]
        start = len(data)
        data.resize(start + len(rows), axis=0)
        data[start:] = rows

    def _finish(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            descriptor = os.open(self.folder / self._names[-1], os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except (OSError, RuntimeError) as error:
            raise self._explained(error) from error
        self._file = None

    def _explained(self, error: OSError | RuntimeError) -> Exception:
        """Tell a full disk from other troubles: HDF5 says it in its text."""
        found = _ERRNO.search(str(error))
        code = int(found[1]) if found else getattr(error, "errno", None)
        return storage_full(f"the database {self.folder.name}", self.folder) if code in FULL else error
