"""Data that `xz` compressed, decompressed with a bound on the memory that they may ask for.

Python's `lzma.open` has none: a small file may ask for a dictionary of 1.5 GB.
"""

from __future__ import annotations

import io
import lzma
from pathlib import Path

MEMORY = 128 * 2**20  # the strongest of xz's presets needs 65 MiB
PIECE = 1 << 16


class _Xz(io.RawIOBase):
    """The bytes of all streams of a file, one after the other."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._stream = lzma.LZMADecompressor(memlimit=MEMORY)

    def readable(self) -> bool:
        """It can only be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as possible; 0 at the end."""
        while True:
            if self._stream.eof:
                data = self._stream.unused_data.lstrip(b"\0") or self._file.read(PIECE).lstrip(b"\0")
                if not data:
                    return 0
                self._stream = lzma.LZMADecompressor(memlimit=MEMORY)
            elif self._stream.needs_input:
                data = self._file.read(PIECE)
                if not data:
                    raise EOFError("it breaks off")
            else:
                data = b""
            if found := self._stream.decompress(data, len(buffer)):
                buffer[: len(found)] = found
                return len(found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def open_xz(path: Path, _mode: str = "rb") -> io.BufferedReader:
    """The decompressed content. Damage is an `lzma.LZMAError` or `EOFError` where it is met."""
    return io.BufferedReader(_Xz(path), PIECE)
