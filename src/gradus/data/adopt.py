"""Databases that another program wrote: checked record by record, and taken over as they are.

A file is cloned where the disk can share its blocks until one of the two is changed (btrfs, XFS), and copied where
it cannot. It is never hard linked: what another program may write to later would change under a dataset.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import TypeVar

from gradus.core.dataset import BadFile
from gradus.core.errors import InputError
from gradus.data.files import sync_folder, writing
from gradus.data.lists import escape
from gradus.data.ordered import in_order
from gradus.data.readers.database import Records
from gradus.data.wire import Buffer

T = TypeVar("T")
CHUNK = 32  # records that a thread checks at once
_CLONE = 0x40049409  # FICLONE of Linux: ioctl_ficlone(2)
_BLOCK = 1 << 24


def checked(
    database: Records, check: Callable[[bytes, Buffer], T], look: Callable[[], None]
) -> Iterator[list[T | BadFile]]:
    """What `check` makes of each key and record, in order and some at a time; of those that it refuses, why.

    `check` is called from several threads and raises `InputError`.
    """
    shown = f"{database.path.parent.name}/{database.path.name}"

    def recipe(keys: Sequence[bytes], halt: Event) -> list[T | BadFile]:
        done: list[T | BadFile] = []
        with database.records(keys) as records:
            for key, record in zip(keys, records, strict=True):
                if halt.is_set():
                    break
                try:
                    done.append(check(key, record))
                except InputError as error:
                    name = escape(key.decode(errors="replace"))
                    done.append(BadFile(file=f"{shown}, record {name}", reason=str(error)))
        return done

    return in_order(recipe, database.keys(), CHUNK, look)


def copy(source: Path, target: Path, look: Callable[[], None]) -> int:
    """Copy one file and flush it to the disk; its size. `look` is called now and then and ends the work by raising."""
    with writing(target.name, target.parent), source.open("rb") as read, target.open("xb") as write:
        if not _cloned(read.fileno(), write.fileno()):
            while block := read.read(_BLOCK):
                look()
                write.write(block)
        write.flush()
        os.fsync(write.fileno())
    return target.stat().st_size


def copy_files(files: Sequence[Path], folder: Path, look: Callable[[], None]) -> int:
    """Copy files into a new folder under their own names; the bytes of all."""
    folder.mkdir(parents=True)
    size = sum(copy(file, folder / file.name, look) for file in files)
    sync_folder(folder)
    return size


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError:  # another disk, or one that cannot
        return False
    return True
