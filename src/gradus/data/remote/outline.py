"""A folder that lies elsewhere, drawn on this disk: its folders, and an empty file for each of its pictures.

So all that is decided by names (classes, limits, splits, groups) is decided by the code that reads folders, and
only the pictures that were chosen are fetched.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import BinaryIO, Protocol

from gradus.core.dataset import BadFile
from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.readers.folder import EVERY, EXTENSIONS, Watcher

MAX_NAMES = 1_000_000


class RemoteFolder(Protocol):
    """Where pictures lie: a web server's folder, a part of a bucket."""

    halt: Event  # ends what is under way

    @property
    def shown(self) -> str:
        """What stands before the names, to be read by people; a slash at its end."""

    def top(self) -> list[str]:
        """The names of the folders right in it, or of the first of them, by one question."""

    def names(self, watch: Watcher) -> Iterator[str]:
        """The names of all that is in it, with `/` between folders; a folder's own name ends in `/`."""

    def fetch(self, name: str, into: BinaryIO) -> None:
        """Write the content of a name. `InputError` says why it cannot be had."""

    def close(self) -> None:
        """Let go of the connections."""


def outline(remote: RemoteFolder, target: Path, named: str, watch: Watcher) -> list[BadFile]:
    """Draw the folder below `target`; the names that no file can have here. `named` is the field of the form.

    `watch` is told how many pictures there are so far.
    """
    target.mkdir(parents=True, exist_ok=True)
    root, found, bad = str(target), 0, list[BadFile]()
    try:
        for number, name in enumerate(remote.names(watch), 1):
            if number > MAX_NAMES:
                message = f"There are more than {MAX_NAMES:,} files and folders at {remote.shown}"
                raise InputError(message, field=named, file=remote.shown)
            if not name.endswith("/") and os.path.splitext(name)[1].lower() not in EXTENSIONS:  # noqa: PTH122
                continue
            if reason := _draw(root, name):
                bad.append(BadFile(file=escape(name), reason=reason))
                continue
            found += not name.endswith("/")
            if number % EVERY == 0:
                watch(found)
    except BaseException:
        remote.halt.set()
        raise
    return bad


def _draw(root: str, name: str) -> str:
    """Make an empty file or a folder, in folders that are made on the way; the reason if the name cannot be one."""
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "has a name that leads elsewhere"
    folder, _, file = name.rpartition("/")
    try:
        os.makedirs(f"{root}/{folder}", exist_ok=True)  # noqa: PTH103
        if file:
            os.close(os.open(f"{root}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        return "is there twice, or is a file and a folder"
    except NotADirectoryError:
        return "is a file and a folder"
    except ValueError:
        return "has a name with characters that no file has"
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return "has a name that is too long"
        raise
    return ""
