"""Files that are there whole or not at all.

Everything is written under a temporary name in the same folder, flushed to the disk and renamed, and
the folder is flushed too: after a crash a reader finds the old content or the new one, never half.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from gradus.core.errors import StorageFullError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TEMPORARY = ".writing-"
_WRITER = re.compile(r"([0-9]+)-[0-9a-f]{16}")  # the process that writes it


def storage_full(what: str, folder: Path) -> StorageFullError:
    """The error for a disk without room: what was being written, and how much is free where."""
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    return StorageFullError(
        f"No room to write {what}: {size_in_words(free)} free at {existing}",
        file=str(folder),
        hint="Free some space on that disk, or start Gradus with another --home, then try again.",
    )


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Turn "disk full", "quota used up" and "file too large" into one `StorageFullError` about `what`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise storage_full(what, folder) from error
        raise


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well, and vanishes when it does not."""
    with writing(path.name, path.parent):
        temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write the whole file at once, or leave the old one."""
    with atomic(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text with the newlines given."""
    write_bytes(path, content.encode())


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """Write UTF-8 text as it comes, so that long text never is in memory as a whole."""
    with atomic(path) as file:
        for part in parts:
            file.write(part.encode())


def write_json(path: Path, model: BaseModel) -> None:
    """Write a model as indented JSON, ending in a newline."""
    write_text(path, model.model_dump_json(indent=2) + "\n")


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_folder(source: Path, target: Path) -> None:
    """Move a finished folder to its final name, in place of what stood there."""
    if target.exists():
        shutil.rmtree(target)
    source.replace(target)
    sync_folder(target.parent)


def remove_leftovers(folder: Path, prefix: str = TEMPORARY) -> None:
    """Remove what a killed process left in `folder` under temporary names.

    What a living process is writing there at this moment stays: a job's folder has more than one writer.
    """
    for left in folder.glob(f"{prefix}*"):
        writer = _WRITER.fullmatch(left.name.removeprefix(prefix))
        if writer and Path("/proc", writer[1]).exists():
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def size_in_words(count: int) -> str:
    """`1.5 GiB`, `12 bytes`."""
    value, units = float(count), iter(("bytes", "KiB", "MiB", "GiB"))
    unit = next(units)
    for larger in units:
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
