"""Protocol-buffer wire format, as much of it as Caffe's `Datum` and `BlobProto` need.

Written by hand because a record is made and read for every picture: the generic runtime copies the
pixels twice. Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradus.core.errors import InputError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Buffer = bytes | bytearray | memoryview


@lru_cache(maxsize=1024)
def varint(value: int) -> bytes:
    """An integer of 0 or more, seven bits a byte, the lowest first."""
    if value < 0:
        raise ValueError(f"{value} is negative")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: Buffer, at: int) -> tuple[int, int]:
    """The integer that starts at `at`, and where the next field starts."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise InputError("The record is damaged: an integer does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: Buffer, *, runs: bool = False) -> Iterator[tuple[int, int, int | memoryview]]:
    """Each field of a message as (number, wire type, integer or bytes).

    With `runs`, neighbouring values of one field of fixed size come as one, as if they had been packed.
    """
    view, at, end = memoryview(data), 0, len(data)
    while at < end:
        start = at
        tag, at = read_varint(view, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = read_varint(view, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = read_varint(view, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise InputError(f"The record is damaged: no field has wire type {kind}")
        if size > end - at:
            raise InputError("The record is damaged: it ends too early")
        if runs and kind != BYTES:
            count, step = _run(view[start:], at - start, at - start + size), at - start + size
            if count > 1:
                rows = np.frombuffer(view[start : start + count * step], np.uint8).reshape(count, step)
                yield number, kind, memoryview(rows[:, step - size :].tobytes())
                at = start + count * step
                continue
        yield number, kind, view[at : at + size]
        at += size


@dataclass(slots=True)
class Walk:
    """A walk through all fields of one file, which says when it meets more than any file of its kind has."""

    left: int

    def fields(self, data: Buffer, *, runs: bool = False) -> Iterator[tuple[int, int, int | memoryview]]:
        """As `fields`; `InputError` once they are too many."""
        for found in fields(data, runs=runs):
            self.left -= 1
            if self.left < 0:
                raise InputError("The record is damaged: it has too many fields")
            yield found


def _run(view: memoryview, tag: int, step: int) -> int:
    """How many entries of `step` bytes in a row start with the same tag, which is `tag` bytes long."""
    most = len(view) // step
    rows = np.frombuffer(view[: most * step], np.uint8).reshape(most, step)[:, :tag]
    count, block = 1, 64
    while count < most:
        same = (rows[count : count + block] == rows[0]).all(axis=1)
        if not same.all():
            return count + int(same.argmin())
        count, block = min(count + block, most), min(2 * block, 1 << 20)
    return count


def signed(value: int) -> int:
    """An int32 as the wire holds it: negative numbers are 64-bit two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value
