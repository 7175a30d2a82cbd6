"""The members of a zip file, one at a time: a million of them take 8 MB, and no two may share bytes.

Only what archives of pictures are made of is read: stored and deflated members, with the 64-bit sizes of large
files. Lengths that are announced are not believed, sums are checked. Format: PKWARE's APPNOTE, sections 4.3 and 4.5.
"""

from __future__ import annotations

import stat
import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

STORED, DEFLATED = 0, 8
PIECE = 1 << 20
_END, _END64, _ENTRY, _LOCAL = b"PK\5\6", b"PK\6\6", b"PK\1\2", b"PK\3\4"
_WHOLE, _SHORT = 0xFFFFFFFF, 0xFFFF
_ZIP64, _UTF8, _ENCRYPTED = 1, 1 << 11, 1


class DamagedZipError(Exception):
    """Why a zip file cannot be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the directory. `size` is as announced; `at` is where the member's own header begins."""

    name: str
    raw_name: bytes
    size: int
    packed: int
    crc: int
    at: int
    method: int
    flags: int
    mode: int

    @property
    def encrypted(self) -> bool:
        """Whether a password is needed."""
        return bool(self.flags & _ENCRYPTED)

    @property
    def regular(self) -> bool:
        """Whether it is no link or device; many programs say nothing of it."""
        return stat.S_IFMT(self.mode) in (0, stat.S_IFREG)


class Zip:
    """A zip file, opened for reading. Directories are passed over."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start, self._end, self._shift = _directory(file)
        self._starts = array("Q", sorted(entry.at for entry in self._entries()))

    def __iter__(self) -> Iterator[Entry]:
        return (entry for entry in self._entries() if not entry.name.endswith("/"))

    def read(self, entry: Entry) -> Iterator[bytes]:
        """The content of a member, in pieces; `DamagedZipError` where it is not what the directory says."""
        start = self._content(entry)
        self._file.seek(start)
        left, total, crc = entry.packed, 0, 0
        inflate = zlib.decompressobj(-15) if entry.method == DEFLATED else None
        while left:
            data = self._file.read(min(PIECE, left))
            if not data:
                raise DamagedZipError("it breaks off")
            left -= len(data)
            while data:
                piece = inflate.decompress(data, PIECE) if inflate else data
                data = inflate.unconsumed_tail if inflate else b""
                crc, total = zlib.crc32(piece, crc), total + len(piece)
                if total > entry.size:
                    raise DamagedZipError("it is longer than the archive says")
                yield piece
        if crc != entry.crc or total != entry.size or (inflate and not inflate.eof):
            raise DamagedZipError("its length or sum is not what the archive says")

    def _content(self, entry: Entry) -> int:
        """Where a member's bytes begin; they must end before the next member does."""
        self._file.seek(entry.at)
        head = self._file.read(30)
        if len(head) < 30 or head[:4] != _LOCAL:
            raise DamagedZipError("its header is not where the archive says")
        names, more = struct.unpack_from("<HH", head, 26)
        if self._file.read(names) != entry.raw_name:
            raise DamagedZipError("it has two names")
        start: int = entry.at + 30 + names + more
        place = bisect_left(self._starts, entry.at)
        following = self._starts[place + 1] if place + 1 < len(self._starts) else self._start
        if start + entry.packed > following:
            raise DamagedZipError("it overlaps another member")
        return start

    def _entries(self) -> Iterator[Entry]:
        at = self._start
        while at < self._end:
            self._file.seek(at)
            head = self._file.read(46)
            if len(head) < 46 or head[:4] != _ENTRY:
                raise DamagedZipError("its list of files is damaged")
            flags, method = struct.unpack_from("<HH", head, 8)
            crc, packed, size, names, more, notes = struct.unpack_from("<IIIHHH", head, 16)
            mode, place = struct.unpack_from("<II", head, 38)
            raw = self._file.read(names)
            if _WHOLE in (packed, size, place):
                size, packed, place = _large(self._file.read(more), size, packed, place)
            at += 46 + names + more + notes
            name = raw.decode("utf-8", "surrogateescape") if flags & _UTF8 else raw.decode("cp437")
            yield Entry(name, raw, size, packed, crc, place + self._shift, method, flags, mode >> 16)


def _large(extra: bytes, size: int, packed: int, place: int) -> tuple[int, int, int]:
    """The three numbers, those that do not fit into 32 bits out of the field for them."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64:
            values = iter(struct.unpack_from(f"<{length // 8}Q", extra.ljust(at + 4 + length, b"\0"), at + 4))
            size, packed, place = (next(values, v) if v == _WHOLE else v for v in (size, packed, place))
        at += 4 + length
    return size, packed, place


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Where the list of files begins and ends, and by how much all places are shifted."""
    whole = file.seek(0, 2)
    before = max(0, whole - (1 << 16) - 128)
    file.seek(before)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise DamagedZipError("it breaks off before its list of files")
    length, start = struct.unpack_from("<II", tail, at + 12)
    end = before + at
    if _WHOLE in (length, start) or tail[at + 10 : at + 12] == _SHORT.to_bytes(2, "little"):
        large = tail.rfind(_END64, 0, at)
        if large >= 0 and at - large >= 56:
            length, start = struct.unpack_from("<QQ", tail, large + 40)
            end = before + large
    first = end - length
    if first < 0 or first < start:
        raise DamagedZipError("its list of files is not where it says")
    return first, end, first - start
