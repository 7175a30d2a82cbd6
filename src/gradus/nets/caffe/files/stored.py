"""Blobs as a file of weights holds them: shapes at once, numbers when they are asked for."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError, NetworkError
from gradus.data.files import atomic

FILE_LIMIT = 2**31 - 1  # bytes: protobuf reads no more
NAME_LIMIT = 1000  # characters of a layer's name

_DONE = getattr(mmap, "MADV_DONTNEED", None)


@dataclass(frozen=True, slots=True)
class Stored:
    """One blob: its shape, and how to read its numbers (of whatever type they are stored in)."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]

    @classmethod
    def of(cls, array: NDArray[Any]) -> Stored:
        """A blob whose numbers are there already."""
        return cls(array.shape, lambda: array)


@dataclass(slots=True)
class Weights:
    """The blobs of each layer of a file.

    Their keys are their places ("0", "1", as in Caffe's files) or their names ("weight", as in ours). A layer
    without blobs is there too, empty.
    """

    source: str
    layers: dict[str, dict[str, Stored]]
    forget: Callable[[], None] = lambda: None  # hand back memory that what was read so far took

    def arrays(self) -> dict[str, list[NDArray[np.float32]]]:
        """All blobs as float32 arrays of their own, by layer, in the order of the file; layers without are left out."""
        return {name: [single(blob.read()) for blob in blobs.values()] for name, blobs in self.layers.items() if blobs}


def single(values: NDArray[Any], into: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Numbers of any type as float32, in an array of their own or in that one; what is too large becomes infinite."""
    found = np.empty(values.shape, np.float32) if into is None else into
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(found, values.reshape(found.shape), casting="unsafe")
    return found


@contextmanager
def explained(path: Path, kind: str) -> Iterator[None]:
    """What is wrong with a file as a NetworkError that names it and says what it should be."""
    try:
        yield
    except OSError as problem:
        raise NetworkError(f"{path} cannot be read: {problem.strerror or problem}", file=str(path)) from problem
    except NetworkError:
        raise
    except InputError as problem:
        raise NetworkError(
            f"{path.name} is not {kind}, or is cut short: {problem}", file=str(path),
            hint="Copy or download it again.",
        ) from problem  # fmt: skip


def write_parts(path: Path, parts: Sequence[bytes | memoryview], hint: str) -> None:
    """Write a file of these bytes, whole or not at all; `hint` says what to do where they are too many."""
    if (size := sum(map(len, parts))) > FILE_LIMIT:
        raise NetworkError(
            f"{path.name} would take {size / 2**30:,.1f} GiB, and a binary file of Caffe holds 2 GiB at most",
            file=str(path), hint=hint,
        )  # fmt: skip
    with atomic(path) as file:
        for part in parts:
            file.write(part)


def map_file(path: Path) -> tuple[memoryview, Callable[[], None]]:
    """A file's bytes without reading them, and a function that hands back the memory of those read so far."""
    size = path.stat().st_size
    if size > FILE_LIMIT:
        raise NetworkError(f"{path.name} is larger than 2 GiB, which no file of Caffe can be", file=str(path))
    if size == 0:
        return memoryview(b""), lambda: None
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return memoryview(mapped), lambda: mapped.madvise(_DONE) if _DONE is not None else None


def text_of(value: memoryview | int | None) -> str:
    """A name from a file; what is not UTF-8 in it is replaced."""
    if not isinstance(value, memoryview):
        return ""
    if len(value) > NAME_LIMIT:
        raise InputError(f"a name has {len(value):,} characters")
    return bytes(value).decode("utf-8", "replace")


def by_place(blobs: Mapping[int, Stored] | list[Stored]) -> dict[str, Stored]:
    """Blobs under their places."""
    pairs = enumerate(blobs) if isinstance(blobs, list) else sorted(blobs.items())
    return {str(i): blob for i, blob in pairs}
