"""Caffe's `BlobProto`: an array of numbers, in each of the forms in which it was ever written.

Fields (caffe.proto): num=1, channels=2, height=3, width=4 (before 2015, in place of shape=7, whose field 1
holds the dimensions), data=5 (floats), double_data=8. NVIDIA Caffe since 0.16: raw_data_type=10 and
raw_data=12, little-endian bytes. Floats and doubles may be packed or not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError
from gradus.data.wire import BYTES, Buffer, Walk, fields, read_varint, signed, varint

AXES = 32  # at most, as in Caffe
FIELDS = 1000  # in a file that is one blob: 13 are known, and one large field may come in parts

_LEGACY = (1, 2, 3, 4)
_DATA, _SHAPE, _DOUBLES, _RAW_TYPE, _RAW = 5, 7, 8, 10, 12
_RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2", 3: "<i4", 4: "<u4", 5: "u1"}  # by NVIDIA's enum Type


def decode_blob(data: Buffer, walk: Walk | None = None) -> NDArray[Any]:
    """The array of a blob, in its shape and its own type of number; it may share memory with `data`.

    `walk` counts the fields of the file that the blob is a part of. `InputError` if the blob is damaged, or its
    values are not as many as its shape says.
    """
    legacy: dict[int, int] = {}
    shape: list[int] = []
    parts: dict[int, list[memoryview]] = {}
    raw_type = 0
    for number, kind, value in (walk or Walk(FIELDS)).fields(data, runs=True):
        if isinstance(value, int):
            if number in _LEGACY:
                legacy[number] = signed(value)
            elif number == _RAW_TYPE:
                raw_type = value
        elif number == _SHAPE and kind == BYTES:
            shape += _dimensions(value)
        elif number in (_DATA, _DOUBLES, _RAW):
            parts.setdefault(number, []).append(value)
    shape = [legacy.get(number, 1) for number in _LEGACY] if legacy else shape
    chosen = next((number for number in (_RAW, _DOUBLES, _DATA) if number in parts), _DATA)
    dtype = {_RAW: _RAW_TYPES.get(raw_type, ""), _DOUBLES: "<f8", _DATA: "<f4"}[chosen]
    if not dtype:
        raise InputError(f"The blob has numbers of an unknown type ({raw_type})")
    return _array(parts.get(chosen, []), dtype, shape)


def _array(parts: Sequence[memoryview], dtype: str, shape: Sequence[int]) -> NDArray[Any]:
    joined = parts[0] if len(parts) == 1 else b"".join(parts)
    if len(joined) % np.dtype(dtype).itemsize:
        raise InputError("The blob is damaged: its last number is cut off")
    values = np.frombuffer(joined, dtype)
    if min(shape, default=0) < 0 or math.prod(shape) != values.size:
        sides = "x".join(map(str, shape)) or "a single number"
        raise InputError(f"A blob has {values.size:,} values, not {sides}")
    return values.reshape(shape)


def _dimensions(shape: memoryview) -> list[int]:
    found: list[int] = []
    if len(shape) > 12 * AXES:  # a varint has 10 bytes at most, and a tag before it
        raise InputError(f"A blob has more than {AXES} axes")
    for number, kind, value in fields(shape):
        if number != 1:
            continue
        at = 0
        while not isinstance(value, int) and kind == BYTES and at < len(value):  # packed
            dimension, at = read_varint(value, at)
            found.append(signed(dimension))
        if isinstance(value, int):
            found.append(signed(value))
        if len(found) > AXES:
            raise InputError(f"A blob has more than {AXES} axes")
    return found


def encode_blob(array: NDArray[Any]) -> list[Buffer]:
    """The parts of a blob's bytes in today's form, as float32; the values are not copied if they are that already."""
    values = np.ascontiguousarray(array, "<f4")
    dimensions = tagged(1, varints(array.shape)) if array.ndim else b""
    head = tagged(_SHAPE, dimensions) + head_of(_DATA, values.nbytes)
    return [head, values.reshape(-1).view(np.uint8).data] if values.size else [head]


def varints(numbers: Iterable[int]) -> bytes:
    """Integers one after the other, as a packed field holds them."""
    return b"".join(varint(int(number)) for number in numbers)


def head_of(number: int, size: int) -> bytes:
    """What stands before the `size` bytes of a field."""
    return varint(number << 3 | BYTES) + varint(size)


def tagged(number: int, content: bytes) -> bytes:
    """A field that holds bytes."""
    return head_of(number, len(content)) + content
