"""Paths that a user named: resolved, kept inside the data roots, opened without following a link.

The one door from a user's text to the file system. Containment is decided on resolved paths, component
by component (`/data2` is not inside `/data`). A file is then opened by walking down from its root with
O_NOFOLLOW at every step, so that a folder exchanged for a link after the check leads nowhere.
"""

from __future__ import annotations

import errno
import heapq
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gradus.core.errors import InputError, OutsideDataRootsError, PathError
from gradus.core.view.source import PathEntry

MAX_LENGTH = 4096
MAX_ENTRIES = 50
SCAN_SECONDS = 0.08
EVERYWHERE = (Path("/"),)
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def resolve_user_path(
    roots: Sequence[Path], text: str, *, field: str | None = None, unrestricted: bool = False
) -> Path:
    """The resolved path of an existing folder or regular file inside the roots that a user named.

    `~/` is the home folder of whoever runs the server. Outside the roots nothing is said about what exists.
    """
    path = _resolved(text, field)
    _root_of(EVERYWHERE if unrestricted else roots, path, text, field)
    with _explained(text, field):
        mode = path.stat().st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise PathError(f"{text} is neither a file nor a folder", field=field, file=text)
    return path


def resolve_folder(roots: Sequence[Path], text: str, *, field: str | None = None, unrestricted: bool = False) -> Path:
    """Like `resolve_user_path`, for a folder that can be listed."""
    path = resolve_user_path(roots, text, field=field, unrestricted=unrestricted)
    if not path.is_dir():
        raise PathError(f"{text} is a file, not a folder", field=field, file=text)
    with _explained(text, field), os.scandir(path) as entries:
        next(entries, None)
    return path


def read_user_file(
    roots: Sequence[Path], text: str, *, limit: int, field: str | None = None, unrestricted: bool = False
) -> bytes:
    """The content of a regular file inside the roots, of at most `limit` bytes."""
    path = _resolved(text, field)
    root = _root_of(EVERYWHERE if unrestricted else roots, path, text, field)
    with _explained(text, field):
        descriptor = _open_below(root, path)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise PathError(f"{text} is not a regular file", field=field, file=text)
        if status.st_size > limit:
            raise PathError(f"{text} is larger than {limit >> 20} MiB", field=field, file=text)
        os.set_blocking(file.fileno(), True)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise PathError(f"{text} is larger than {limit >> 20} MiB", field=field, file=text)
    return content


def complete(roots: Sequence[Path], prefix: str, *, hidden: bool = False) -> list[PathEntry]:
    """What a path that is being typed may become: at most 50 entries, folders first, none outside the roots.

    Nothing is globbed, and a very large folder is looked at for 80 ms only.
    """
    if not prefix:
        return [PathEntry(path=str(root), folder=True) for root in roots][:MAX_ENTRIES]
    if len(prefix) > MAX_LENGTH or _CONTROL.search(prefix):
        return []
    text = _at_home(prefix)
    if not text.startswith("/"):
        return []
    parent, _, start = text.rpartition("/")
    folder = Path(parent or "/")
    if _is_inside(roots, folder):
        found = _entries(folder, start, hidden or start.startswith("."))
        inside = (entry for entry in found if _is_inside(roots, Path(entry.path)))
        shown = [e.model_copy(update={"path": f"{parent}/{Path(e.path).name}"}) for e in inside]
        return shown[:MAX_ENTRIES]
    below = [str(root) for root in roots if str(root).startswith(text)]
    return [PathEntry(path=path, folder=True) for path in below][:MAX_ENTRIES]


def _entries(folder: Path, start: str, hidden: bool) -> list[PathEntry]:
    try:
        with os.scandir(folder) as entries:
            wanted = _within(entries, SCAN_SECONDS)
            named = (e for e in wanted if e.name.startswith(start) and (hidden or not e.name.startswith(".")))
            typed = ((not _is_folder(e), e.name, e.path) for e in named if not _CONTROL.search(e.name))
            first = heapq.nsmallest(2 * MAX_ENTRIES, typed)
    except OSError:
        return []
    return [PathEntry(path=path, folder=not is_file) for is_file, _, path in first]


def _within(entries: Iterator[os.DirEntry[str]], seconds: float) -> Iterator[os.DirEntry[str]]:
    deadline = time.monotonic() + seconds
    for entry in entries:
        yield entry
        if time.monotonic() > deadline:
            return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_inside(roots: Sequence[Path], path: Path) -> bool:
    try:
        resolved = Path(os.path.realpath(path))
    except OSError:
        return False
    return any(resolved.is_relative_to(root) for root in roots)


def _at_home(text: str) -> str:
    return str(Path.home()) + text[1:] if text == "~" or text.startswith("~/") else text


def _resolved(text: str, field: str | None) -> Path:
    if not text or text.isspace():
        raise PathError("must not be empty", field=field)
    if len(os.fsencode(text) if not _CONTROL.search(text) else text) > MAX_LENGTH:
        raise PathError("the path is too long", field=field)
    if _CONTROL.search(text):
        raise PathError("the path has characters that no path has", field=field)
    path = _at_home(text)
    if not path.startswith("/"):
        raise PathError(
            f"{text} is not a whole path", field=field, file=text, hint="write it from the beginning: /... or ~/..."
        )
    with _explained(text, field):  # a link that is removed meanwhile makes even this fail
        return Path(os.path.realpath(path))


def _root_of(roots: Sequence[Path], path: Path, text: str, field: str | None) -> Path:
    for root in roots:
        if path.is_relative_to(root):
            return root
    allowed = ", ".join(str(root) for root in roots)
    raise OutsideDataRootsError(
        f"{text} is outside the data roots",
        field=field,
        file=text,
        hint=f"use a path below {allowed}, or start the server with --data-root" if roots else "set a --data-root",
    )


def _open_below(root: Path, path: Path) -> int:
    """Open a file for reading, refusing links on the way: `path` was resolved, so an honest one has none."""
    parts = path.relative_to(root).parts
    if not parts:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    folder = os.open(root, _STEP)
    try:
        for part in parts[:-1]:
            following = os.open(part, _STEP | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = following
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # a device or FIFO is not even opened
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


_MISSING = "look for a typing mistake; the path is one of the machine that Gradus runs on"
_FORBIDDEN = "give the user as whom Gradus runs the right to read it, or copy it elsewhere"
_HINTS = {errno.ENOENT: _MISSING, errno.ENOTDIR: _MISSING, errno.EACCES: _FORBIDDEN, errno.EPERM: _FORBIDDEN}


@contextmanager
def _explained(text: str, field: str | None) -> Iterator[None]:
    reasons = {
        errno.ENOENT: "does not exist",
        errno.ENOTDIR: "does not exist",
        errno.EACCES: "cannot be read: no permission",
        errno.EPERM: "cannot be read: no permission",
        errno.EISDIR: "is a folder, not a file",
        errno.ELOOP: "goes through a link that leads nowhere",
        errno.ENAMETOOLONG: "has a name that is too long",
        errno.EINVAL: "is not a regular file",
    }
    try:
        yield
    except OSError as error:
        reason = reasons.get(error.errno or 0, f"cannot be read: {error.strerror}")
        raise PathError(f"{text} {reason}", field=field, file=text, hint=_HINTS.get(error.errno or 0)) from error
    except ValueError as error:
        raise InputError(f"{text!r} is not a path", field=field) from error
