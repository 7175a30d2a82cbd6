"""Memory: how much this process may still take of the machine or of its container, and that it is used again."""

from __future__ import annotations

import ctypes
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
_MALLOC = {-3: 8 * 2**20, -1: 32 * 2**20, -2: 4 * 2**20}  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD of mallopt(3)


def reuse_memory() -> None:
    """Let the C library keep up to 32 MiB that are freed for what is asked next, instead of giving them back.

    A picture takes hundreds of kilobytes for a millisecond. Given back and asked for again, every page of it costs
    the kernel a fault and zeros: an eighth of a build's time, and four fifths of that of writing raw records.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        for parameter, size in _MALLOC.items():
            libc.mallopt(parameter, size)


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes, the smaller of what the machine has free and what the container's limit leaves."""
    free = int(psutil.virtual_memory().available)
    limit, used = _number(cgroup / "memory.max"), _number(cgroup / "memory.current")
    if limit is None or used is None:
        return free
    return max(0, min(free, limit - used))


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
