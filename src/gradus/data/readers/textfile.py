"""DIGITS' text lists: a picture and the number of its class on each line, and the names of the classes.

A line is `path label`, split at its last blank. Relative paths start at a folder that is given, or beside
the list. A line that cannot be used is noted with its number; it does not stop the others. No path leads
out of the allowed folders, links resolved.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from gradus.core.dataset import BadFile
from gradus.core.errors import InputError, PathError
from gradus.data.lists import Entry, escape, unescape
from gradus.data.readers.folder import EVERY, Watcher
from gradus.data.remote.address import Rules, parse

LONGEST_LINE = 8192
HOPELESS = 1000  # lines, all of them bad, after which a file is no list
MOST_BAD = 100_000  # lines of no use, after which it is none either if fewer were of use: each is kept to be shown
MAX_LABELS = 10**6
LABEL_BYTES = 64 * 2**20
_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NUMBER = re.compile(rb"[+-]?[0-9]+")


class BadLineError(Exception):
    """Why one line cannot be used. Caught where the lines are read."""


@dataclass(slots=True)
class Listed:
    """What a list names, in its order: files by their resolved paths without the first `/`; lines of no use."""

    entries: list[Entry] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)


class Places:
    """Where listed files may lie, and where their relative paths start. `roots` None allows every place.

    `rules` are those for addresses of the web; without them, none is allowed.
    """

    def __init__(self, start: Path | None, roots: Sequence[str] | None, rules: Rules | None = None) -> None:
        self._start = None if start is None else str(start)
        self._rules = rules
        self._roots = None if roots is None else [root.rstrip("/") + "/" for root in roots]
        self._folder = lru_cache(maxsize=4096)(os.path.realpath)

    def entry(self, name: str) -> str:
        """A listed file as entries name it: its whole path without the first `/`, or its address on the web."""
        if not _ADDRESS.match(text := name.strip()):
            return self.find(name)[1:]
        if self._rules is None:
            raise BadLineError("an address, not a path of this machine")
        try:
            address = parse(text)
            self._rules.check(address.host, address.port)
        except InputError as error:
            raise BadLineError(str(error)) from error
        return str(address)

    def find(self, name: str) -> str:
        """The whole path of a regular file; `BadLineError` says why it cannot be used."""
        below = not name.startswith("/")
        if below:
            if self._start is None:
                raise BadLineError("not a whole path, and no image folder is given")
            name = f"{self._start}/{name}"
        try:
            path, mode = self._resolved(name)
            if mode is None and "%" in name:
                path, mode = self._resolved(unescape(name))  # as our own lists write what would break a line
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no path has these characters"
            raise BadLineError(str(reason)) from error
        if self._roots is not None and not any(path.startswith(root) for root in self._roots):
            raise BadLineError("outside the folders that are allowed")  # whether it exists or not
        if mode is None:
            where = " in the image folder, which is the list's own unless one is given" if below else ""
            raise BadLineError(f"there is no such file{where}")
        if not stat.S_ISREG(mode):
            raise BadLineError("not a file but a folder, link or device")
        return path

    def _resolved(self, name: str) -> tuple[str, int | None]:
        """The path without links, and its mode if it exists."""
        parent, _, last = name.rpartition("/")
        if last in ("", ".", ".."):
            parent, last = name, ""
        path = f"{self._folder(parent or '/').rstrip('/')}/{last}" if last else self._folder(parent)
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                path = os.path.realpath(path)
                mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return path, None
        return path, mode


def read_list(path: Path, places: Places, classes: int, named: str, watch: Watcher) -> Listed:
    """Read a list for so many classes. `named` is the field of the form that an `InputError` names."""
    found, number = Listed(), 0
    with opened(path, named) as file:
        for number, line in numbered_lines(file, path, named):
            if not line.strip():
                continue
            try:
                found.entries.append(_entry(line, places, classes))
            except BadLineError as error:
                found.bad.append(BadFile(file=f"{escape(path.name)}, line {number:,}", reason=str(error)))
                if hopeless(len(found.entries), len(found.bad)):
                    break
            if (len(found.entries) + len(found.bad)) % EVERY == 0:
                watch(len(found.entries))
    if hopeless(len(found.entries), len(found.bad)) or not found.entries:
        many = f"Only {len(found.entries):,} of the first {number:,} lines" if found.entries else "No line"
        raise InputError(
            f"{many} of the list can be used" + "".join(f"; {bad.file}: {bad.reason}" for bad in found.bad[:3]),
            field=named, file=escape(str(path)),
            hint="A line is the path of a picture, a blank, and the number of its class, counted from 0.",
        )  # fmt: skip
    return found


def hopeless(used: int, bad: int) -> bool:
    """Whether a file is no list or table, after so many lines of use and of none."""
    return (bad >= HOPELESS and not used) or (bad >= MOST_BAD and bad > used)


def read_labels(path: Path, named: str = "labels") -> list[str]:
    """The names of the classes, one a line. `InputError` where there are fewer than two."""
    with opened(path, named) as file:
        if os.fstat(file.fileno()).st_size > LABEL_BYTES:
            raise InputError("is too large for a list of names", field=named, file=escape(str(path)))
        names = [line.strip() for _, line in numbered_lines(file, path, named)]
    while names and not names[-1]:
        names.pop()
    if b"" in names:
        raise InputError(
            "A name is missing: the line is empty", field=named, file=escape(str(path)), line=names.index(b"") + 1
        )
    if not 2 <= len(names) <= MAX_LABELS:
        raise InputError(
            f"A classification needs at least two classes; the file names {len(names):,}",
            field=named, file=escape(str(path)), hint="Write the name of class 0 on line 1, of class 1 on line 2.",
        )  # fmt: skip
    return [escape(unescape(escape(os.fsdecode(name)))) for name in names]


def _entry(line: bytes, places: Places, classes: int) -> Entry:
    if len(line) > LONGEST_LINE:
        raise BadLineError(f"longer than {LONGEST_LINE:,} bytes")
    if b"\0" in line:
        raise BadLineError("holds a NUL character")
    name, *rest = line.rsplit(None, 1)
    if not rest or not _NUMBER.fullmatch(rest[0]):
        raise BadLineError("not of the form `path label`")
    if len(rest[0]) > 10 or not 0 <= (label := int(rest[0])) < classes:
        raise BadLineError(f"label {rest[0].decode()[:20]}: there are {classes:,}, counted from 0")
    return places.entry(os.fsdecode(name)), label


def numbered_lines(file: BinaryIO, path: Path, named: str, longest: int = LONGEST_LINE) -> Iterator[tuple[int, bytes]]:
    """Numbered lines without their ends, each cut a little after the longest that is allowed."""
    first = file.read(3)
    if first.startswith(_UTF16):
        raise InputError("is written in UTF-16", field=named, file=escape(str(path)), hint="Save it as UTF-8.")
    if first != _MARK:
        file.seek(0)
    number = 0
    while line := file.readline(longest + 2):
        number += 1
        cut = line
        while not cut.endswith(b"\n") and len(cut) == longest + 2:
            cut = file.readline(longest + 2)
        yield number, line.rstrip(b"\r\n")


def opened(path: Path, named: str) -> BinaryIO:
    """A regular file; `PathError` names the field of the form otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise PathError(f"The file cannot be read: {error.strerror}", field=named, file=escape(str(path))) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PathError("not a file but a folder or device", field=named, file=escape(str(path)))
    return os.fdopen(descriptor, "rb")
