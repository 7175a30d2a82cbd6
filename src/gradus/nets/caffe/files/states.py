"""Solver states in and out, so that a training that Caffe began can go on here and the other way round.

Binary: SolverState{iter=1, learned_net=2, history=3 (blobs), current_step=4}. HDF5: datasets `iter`,
`learned_net`, `current_step` and the group `history` with a dataset for each blob (catalogue 4.3). The history
is in Caffe's order: the first of every learned blob, then (AdaDelta, Adam) the second of every one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError, NetworkError
from gradus.data.blobs import decode_blob, encode_blob, head_of, tagged
from gradus.data.wire import BYTES, Walk, signed, varint
from gradus.nets.caffe.files.hdf5 import is_hdf5, member, numbers, opened, writing_hdf5
from gradus.nets.caffe.files.stored import Stored, explained, map_file, text_of, write_parts
from gradus.nets.caffe.schema.dialects import FIELD_LIMIT

_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP = 1, 2, 3, 4
_INT_LIMIT = 2**31 - 1  # both numbers are C ints in Caffe
BLOB_LIMIT = 100_000  # in a history


@dataclass(slots=True)
class SolverState:
    """Where a training stands: iterations made, the file with its weights, and the solver's history."""

    iteration: int
    learned_net: str = ""  # as the state says; Caffe takes it relative to the working folder
    history: list[Stored] = field(default_factory=list)
    current_step: int = 0  # of the policy multistep: how many of its steps are behind


def read_state(path: Path) -> SolverState:
    """A `.solverstate` or `.solverstate.h5`. `NetworkError` if it is none, or damaged."""
    state = _from_hdf5(path) if is_hdf5(path) else _from_binary(path)
    if not (0 <= state.iteration <= _INT_LIMIT and 0 <= state.current_step <= _INT_LIMIT):
        raise NetworkError(
            f"{path.name} says that {state.iteration} iterations and {state.current_step} steps were made",
            file=str(path), hint="The file is damaged.",
        )  # fmt: skip
    return state


def _from_binary(path: Path) -> SolverState:
    integers, name = {_ITER: 0, _CURRENT_STEP: 0}, ""
    history: list[Stored] = []
    with explained(path, "a solverstate"):
        view, _ = map_file(path)
        known, walk = 0, Walk(FIELD_LIMIT)
        for number, kind, value in walk.fields(view):
            known += number <= _CURRENT_STEP
            if isinstance(value, int):
                if number in integers:
                    integers[number] = signed(value)
            elif number == _LEARNED_NET and kind == BYTES:
                name = text_of(value)
            elif number == _HISTORY and kind == BYTES:
                if len(history) == BLOB_LIMIT:
                    raise InputError(f"its history has more than {BLOB_LIMIT:,} blobs")
                history.append(Stored.of(decode_blob(value, walk)))
        if not known:
            raise InputError("it holds no state")
    return SolverState(integers[_ITER], name, history, integers[_CURRENT_STEP])


def _from_hdf5(path: Path) -> SolverState:
    with opened(path, "a solverstate in HDF5") as file:
        name = member(file, "learned_net", h5py.Dataset)
        blobs = member(file, "history", h5py.Group)
        count = 0 if blobs is None else len(blobs)
        if count > BLOB_LIMIT:
            raise InputError(f"its history has more than {BLOB_LIMIT:,} blobs")
        history = []
        for i in range(count):
            dataset = member(blobs, str(i), h5py.Dataset)
            if dataset is None:
                raise InputError(f"its history lacks blob {i}")
            history.append(Stored(dataset.shape, _reader(path, i)))
        return SolverState(
            _integer(file, "iter"), "" if name is None else _text(name), history, _integer(file, "current_step")
        )


def _reader(path: Path, place: int) -> Callable[[], NDArray[Any]]:
    def read() -> NDArray[Any]:
        with opened(path, "a solverstate in HDF5") as file:
            return numbers(file[f"history/{place}"])

    return read


def _integer(file: h5py.File, name: str) -> int:
    dataset = member(file, name, h5py.Dataset)
    if dataset is None:
        return 0
    if dataset.dtype.kind not in "iu" or dataset.size != 1:
        raise InputError(f"{name} is not an integer")
    return int(np.ravel(dataset[()])[0])


def _text(dataset: h5py.Dataset) -> str:
    """A string of fixed or of any length, as Caffe's HDF5 library or another writes it."""
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.size != 1 or dataset.dtype.itemsize > 2**16:
        raise InputError(f"{dataset.name} is not a text")
    value = np.ravel(dataset[()])[0]
    return (value if isinstance(value, bytes) else str(value).encode()).rstrip(b"\0").decode("utf-8", "replace")


def write_state(
    path: Path, iteration: int, learned_net: str, history: Sequence[NDArray[Any]], current_step: int = 0
) -> None:
    """Write a state, whole or not at all: HDF5 where the path ends in `.h5`, else binary."""
    if path.suffix == ".h5":
        with writing_hdf5(path) as file:
            file["iter"] = np.int32(iteration)
            file["current_step"] = np.int32(current_step)
            file["learned_net"] = np.bytes_(learned_net.encode() or b"\0")
            group = file.create_group("history")
            for i, blob in enumerate(history):
                group.create_dataset(str(i), data=np.asarray(blob, np.float32))
        return
    parts: list[Any] = [varint(_ITER << 3), varint(iteration), tagged(_LEARNED_NET, learned_net.encode())]
    for blob in history:
        pieces = encode_blob(blob)
        parts += [head_of(_HISTORY, sum(map(len, pieces))), *pieces]
    parts += [varint(_CURRENT_STEP << 3), varint(current_step)]
    write_parts(path, parts, "Set snapshot_format: HDF5.")
