"""`train.txt` and `labels.txt`: DIGITS' lists, able to hold every name that a disk can hold.

A line is `path index`, or a class name. What would break a line (control characters, the line
separators of Unicode, bytes that are no UTF-8) is written as `%XX` per byte, and so is a `%` that would
otherwise read as such an escape. Ordinary names, spaces and lone `%` included, are left as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from gradus.core.errors import InputError

Entry = tuple[str, int]  # a file, and the number of its class

PART = 10_000  # lines

_UNSAFE = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]|%(?=[0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def escape(name: str) -> str:
    """A file name (as `os.fsdecode` gives it) as text that fits on one line and in UTF-8 files."""
    return _UNSAFE.sub(_hex, name)


def unescape(text: str) -> str:
    """The file name that `escape` was given."""
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), text.encode()))


def entry_lines(entries: Iterable[Entry]) -> str:
    """The content of `train.txt`: one `path index` a line."""
    return "".join(entry_parts(entries))


def entry_parts(entries: Iterable[Entry], look: Callable[[], object] = int) -> Iterator[str]:
    """The same, a few lines at a time. `look` is called before each part and ends the work by raising."""
    waiting = iter(entries)
    while part := list(islice(waiting, PART)):
        look()
        yield "".join(f"{escape(path)} {label}\n" for path, label in part)


def read_entries(text: str) -> Iterator[Entry]:
    """The (path, label) of each line. `InputError` names the first line that is not of that form."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        path, found, label = line.rpartition(" ")
        if not found or not path or not (label.isascii() and label.isdigit() and len(label) < 10):
            raise InputError("The line is not of the form `path label`", line=number)
        yield unescape(path), int(label)


def label_lines(labels: Iterable[str]) -> str:
    """The content of `labels.txt`: the name of class i on line i."""
    return "".join(f"{label}\n" for label in labels)


def _hex(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))
