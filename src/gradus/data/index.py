"""What is known of each sample beside its pixels: one index for each split, in the order of its database.

Written while the database is built, a chunk at a time, and mapped into memory where it is read, so that neither
grows with the dataset. Of a split there are, below `index/`:

    train.facts    one `RECORD` for each sample
    train.small    each sample in gray, 16 x 16 bytes
    train.names    the names of the files, one behind the other; a record has the place where its name ends
    train.prefix   what makes whole paths of these names

The same samples give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Order, Split
from gradus.core.errors import InputError
from gradus.data.remote.address import is_address

FOLDER = "index"
SIDE = 16  # of the small pictures
RECORD = np.dtype(
    [
        ("sha256", "<u8", (4,)),  # of the file's bytes
        ("hash", "<u8"),  # perceptual
        ("end", "<u8"),  # of the name
        ("group", "<u8"),  # that is kept together: a hash of its name, 0 for none
        ("bytes", "<u4"),  # of the file
        ("width", "<u4"),  # of the file's picture, upright
        ("height", "<u4"),
        ("brightness", "<f4"),  # 0 to 255: mean and standard deviation of the fitted picture's luminance
        ("contrast", "<f4"),
        ("label", "<i4"),  # the number of its class, -1 where it has none or several
        ("flaws", "<u4"),  # bits of `gradus.core.flaw.Flaw`: what was found
        ("leave", "<u4"),  # the same bits: with which of them it is left out of a new version
    ]
)

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """Some samples, a row for each: columns, because a call for each sample costs more than all else done for it.

    `names` are as `os.fsdecode` gives them, below a prefix; `records` lack the places where names end; `small` is
    (n, SIDE, SIDE).
    """

    names: Sequence[str]
    records: NDArray[np.void]
    small: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.names)


class IndexWriter:
    """Writes the index of one split into `folder`; all names are below `prefix`. `close` flushes it to the disk."""

    def __init__(self, folder: Path, split: Split, prefix: str = "") -> None:
        folder.mkdir(exist_ok=True)
        (folder / f"{split}.prefix").write_bytes(os.fsencode(prefix))
        self.count = 0
        self._end = 0
        with ExitStack() as undo:
            parts = ("facts", "small", "names")
            opened = [undo.enter_context((folder / f"{split}.{part}").open("wb")) for part in parts]
            self._facts, self._small, self._names = opened
            self._closing = undo.pop_all()

    def append(self, samples: SampleFacts) -> None:
        """Add samples behind those already there."""
        names = [os.fsencode(name) for name in samples.names]
        records = samples.records.copy()
        records["end"] = self._end + np.cumsum([len(name) for name in names])
        self._end += sum(map(len, names))
        self._facts.write(records.tobytes())
        self._small.write(samples.small.tobytes())
        self._names.write(b"".join(names))
        self.count += len(samples)

    def close(self) -> None:
        """Write what is left and flush it to the disk."""
        for file in (self._facts, self._small, self._names):
            file.flush()
            os.fsync(file.fileno())
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()


class Index:
    """The index of one split, mapped into memory. `records` and `small` have a row for each sample."""

    def __init__(self, folder: Path, split: Split, *, change: bool = False) -> None:
        """`change` lets `records` be written to, by who builds it."""
        self.split = split
        self._base = folder / split.value
        self.records: NDArray[np.void] = _mapped(self._part("facts"), RECORD, change)
        self.small: NDArray[np.uint8] = _mapped(self._part("small"), np.dtype(np.uint8), False).reshape(-1, SIDE, SIDE)
        if len(self.small) != len(self.records):
            raise _damaged(self._part("small"))

    def __len__(self) -> int:
        return len(self.records)

    def name(self, place: int) -> str:
        """The name of a sample's file, as `os.fsdecode` gives it, below `prefix`."""
        start = int(self.records["end"][place - 1]) if place else 0
        with self._part("names").open("rb") as file:
            file.seek(start)
            return os.fsdecode(file.read(int(self.records["end"][place]) - start))

    @property
    def prefix(self) -> str:
        """What makes whole paths of the names."""
        return os.fsdecode(self._part("prefix").read_bytes())

    def whole_name(self, place: int) -> str:
        """The whole path of a sample's file, or its address."""
        name = self.name(place)
        return name if is_address(name) else self.prefix + name

    def sha256(self, place: int) -> bytes:
        """The SHA-256 of a sample's file."""
        return bytes(self.records["sha256"][place].tobytes())

    def flush(self) -> None:
        """Bring what was written to `records` to the disk."""
        if isinstance(self.records, np.memmap):
            self.records.flush()

    def where(self, *, label: int | None = None, flaws: int = 0, group: int | None = None) -> Places:
        """The places of all samples of a class, with any of some flaws, of a group: all that are asked for."""
        found = np.ones(len(self), bool)
        if label is not None:
            found &= self.records["label"] == label
        if flaws:
            found &= self.records["flaws"] & flaws != 0
        if group is not None:
            found &= self.records["group"] == group
        return np.flatnonzero(found)

    def ordered(self, places: Places, by: Order) -> Places:
        """The places by a measure of their samples, the least first, or the greatest with `-`; equal ones as given."""
        name = by.removeprefix("-")
        records = self.records[places]
        values = records["width"] / np.maximum(records["height"], 1) if name == "aspect" else records[name]
        return places[np.argsort(-values.astype(np.float64) if by != name else values, kind="stable")]

    def _part(self, part: str) -> Path:
        return self._base.with_name(f"{self._base.name}.{part}")


def open_indexes(folder: Path, *, change: bool = False) -> dict[Split, Index]:
    """The indexes below the folder of a dataset: none of one that was built before there were any."""
    below = folder / FOLDER
    return {split: Index(below, split, change=change) for split in Split if (below / f"{split}.facts").is_file()}


def _mapped(path: Path, kind: np.dtype[np.generic], change: bool) -> NDArray[Any]:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise _damaged(path) from None
    if size % kind.itemsize:
        raise _damaged(path)
    return np.memmap(path, kind, "r+" if change else "r") if size else np.empty(0, kind)


def _damaged(path: Path) -> InputError:
    return InputError("The index of this dataset is damaged", file=str(path), hint="Build the dataset again.")
