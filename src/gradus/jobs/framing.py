"""Messages of several parts over a stream socket: the number of parts, their sizes, the parts."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

MAX_PARTS = 100_000
MAX_BYTES = 1 << 30

_COUNT = struct.Struct("!I")


class FramingError(Exception):
    """What came is not a message of ours."""


def send(connection: socket.socket, parts: Sequence[bytes]) -> None:
    """Send one message."""
    head = _COUNT.pack(len(parts)) + struct.pack(f"!{len(parts)}Q", *map(len, parts))
    connection.sendall(b"".join((head, *parts)))


def receive(connection: socket.socket) -> list[bytes] | None:
    """The next message; None when the other side has closed between two messages."""
    head = _read(connection, _COUNT.size, at_start=True)
    if head is None:
        return None
    (count,) = _COUNT.unpack(head)
    if count > MAX_PARTS:
        raise FramingError(f"{count} parts")
    sizes = struct.unpack(f"!{count}Q", _read(connection, 8 * count) or b"")
    if sum(sizes) > MAX_BYTES:
        raise FramingError(f"{sum(sizes)} bytes")
    return [bytes(_read(connection, size) or b"") for size in sizes]


def _read(connection: socket.socket, size: int, *, at_start: bool = False) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            if at_start and len(view) == size:
                return None
            raise FramingError("the other side closed in the middle of a message")
        view = view[count:]
    return data
