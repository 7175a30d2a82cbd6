"""Files that were sent to the server: kept for a day, or for as long as a job that was made with them.

A form or a REST body names one as `upload:ID/NAME`. A job gets a hard link of its own, so that nothing is
copied and nothing has to be counted.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from gradus.core.dataset import DatasetOptions
from gradus.core.errors import PathError
from gradus.data.files import atomic

PREFIX = "upload:"
FOLDER = "uploads"  # in the home, and in the folder of a job
KEPT_SECONDS = 24 * 3600.0
_REFERENCE = re.compile(PREFIX + r"([0-9a-f]{32})/([^/\x00-\x1f\x7f]{1,100})")
O = TypeVar("O", bound=DatasetOptions)  # noqa: E741 - of any kind
_ODD = re.compile(r"[^\w.+-]+")


def keep(folder: Path, name: str, content: BinaryIO) -> str:
    """Write what was sent below `folder`, whole or not at all; the reference by which it is named."""
    remove_old(folder)
    plain = _ODD.sub("_", os.path.basename(name.replace("\\", "/")))[-100:].lstrip(".") or "file"  # noqa: PTH119
    identity = secrets.token_hex(16)
    target = folder / identity
    target.mkdir(parents=True, mode=0o700)
    try:
        with atomic(target / plain) as file:
            shutil.copyfileobj(content, file, 1 << 20)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return f"{PREFIX}{identity}/{plain}"


def find(folders: Sequence[Path], reference: str, field: str) -> Path:
    """The file that a reference names, in the first of the folders that has it."""
    parts = _REFERENCE.fullmatch(reference)
    for folder in folders if parts else ():
        assert parts
        path = folder / parts[1] / parts[2]
        if path.is_file() and not path.is_symlink():
            return path
    raise PathError(
        "The file that was sent is not there any more", field=field, file=reference,
        hint="Send it again; what no job was made with is kept for a day.",
    )  # fmt: skip


def located(options: O, folders: Sequence[Path]) -> O:
    """The options with the paths of what was sent in place of its references."""
    sent = {name: text for name, (text, _) in options.paths().items() if text.startswith(PREFIX)}
    return options.model_copy(update={name: str(find(folders, text, name)) for name, text in sent.items()})


def link(options: DatasetOptions, home: Path, job: Path) -> None:
    """Give a job its own link to each file that was sent for it."""
    for name, (text, _) in options.paths().items():
        if text.startswith(PREFIX):
            source = find((home, job / FOLDER), text, name)
            target = job / FOLDER / source.parent.name / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.hardlink_to(source)


def remove_old(folder: Path) -> None:
    """Remove what has been kept for its day; a job that was made with it has its own link."""
    for each in _kept(folder):
        with suppress(FileNotFoundError):  # another thread was quicker
            if each.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(each, ignore_errors=True)


def kept_bytes(folder: Path) -> int:
    """How much of the disk all that is kept takes."""
    total = 0
    for each in _kept(folder):
        with suppress(FileNotFoundError, NotADirectoryError):
            total += sum(file.stat().st_size for file in each.iterdir())
    return total


def _kept(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
