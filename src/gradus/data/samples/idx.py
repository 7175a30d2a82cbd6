"""The idx format of MNIST: a big-endian header with the sizes, then the numbers.

Header: two zero bytes, the type (0x08: unsigned bytes), the number of dimensions, then each dimension
as a 32-bit integer. Files may be gzipped. Headers are not believed: sizes are compared with what is there.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError

UNSIGNED_BYTES = 0x08
MAX_DIMENSIONS = 4
MAX_BYTES = 2**30
GZIP = b"\x1f\x8b"


def read_idx(data: bytes, name: str) -> NDArray[np.uint8]:
    """The array in an idx file's bytes, gzipped or not. `name` is for the error."""
    if data.startswith(GZIP):
        data = _gunzip(data, name)
    if len(data) < 4 or data[:2] != b"\0\0":
        raise _damaged(name, "it does not start like an idx file")
    kind, dimensions = data[2], data[3]
    if kind != UNSIGNED_BYTES:
        raise _damaged(name, f"its numbers are of type 0x{kind:02x}, not unsigned bytes")
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= MAX_DIMENSIONS or len(data) < start:
        raise _damaged(name, f"its header of {dimensions} dimensions is not complete")
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    size = 1
    for side in shape:
        size *= side
    if size != len(data) - start:
        raise _damaged(name, f"its header promises {size:,} numbers, and {len(data) - start:,} are there")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _gunzip(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(name, f"its compression is broken ({error})") from error
    if len(content) > MAX_BYTES:
        raise _damaged(name, f"it unpacks to more than {MAX_BYTES // 2**20} MiB")
    return content


def _damaged(name: str, reason: str) -> InputError:
    return InputError(f"{name} is damaged: {reason}", file=name, hint="Get the file again from its origin.")
