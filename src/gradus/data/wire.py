"""Protocol-buffer wire format, as much of it as Caffe's `Datum` and `BlobProto` need.

Written by hand because a record is made and read for every picture: the generic runtime copies the
pixels twice. Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

from gradus.core.errors import InputError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Buffer = bytes | bytearray | memoryview


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


def fields(data: Buffer) -> Iterator[tuple[int, int, int | memoryview]]:
    """Each field of a message as (number, wire type, integer or bytes)."""
    view, at, end = memoryview(data), 0, len(data)
    while at < end:
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
        yield number, kind, view[at : at + size]
        at += size


def signed(value: int) -> int:
    """An int32 as the wire holds it: negative numbers are 64-bit two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value
