"""Which label file is that of which picture, by their names without the ending.

The same path below both folders comes first; else a bare name that only one picture and one label file have.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gradus.core.dataset import BadFile
from gradus.data.lists import escape

NO_LABELS = frozenset(
    ("classes", "labels", "predefined_classes", "obj", "license", "notes", "train", "val", "valid", "test", "trainval")
)  # what text files beside labels are called


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a folder, by their paths below it as `os.fsdecode` gives them."""

    root: str
    names: Sequence[str]

    def path(self, name: str) -> str:
        """The whole path of a file."""
        return f"{self.root}/{name}"

    def shown(self, name: str) -> str:
        """A file as messages call it: with the folder it is in."""
        return escape(f"{_stem(self.root)}/{name}")

    def bad(self, name: str, reason: str) -> BadFile:
        """A file that cannot be used."""
        return BadFile(file=self.shown(name), reason=reason)


@dataclass(slots=True)
class Pairs:
    """`labels` has the label file of each picture that has one, `bare` the pictures without; `lost` are label files."""

    labels: dict[str, str] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)


def pair(pictures: Files, labels: Files) -> Pairs:
    """Find the label file of each picture."""
    found = Pairs()
    chosen = _first(pictures, found, "another picture has the same name but for its ending")
    files = _first(labels, found, "another file annotates the same picture")
    alike, candidates = _by_stem(chosen), _by_stem(files)
    used: set[str] = set()
    for key, picture in chosen.items():
        others = candidates.get(_stem(key), [])
        if key in files:
            found.labels[picture] = files[key]
            used.add(key)
        elif not others:
            found.bare.append(picture)
        elif len(others) == 1 == len(alike[_stem(key)]):
            found.labels[picture] = files[others[0]]
            used.add(others[0])
        else:
            used.update(others)
            many = _listed(others if len(others) > 1 else alike[_stem(key)])
            found.bad.append(pictures.bad(picture, f"it cannot be told whose annotation is whose: {many}"))
    found.lost = [file for key, file in files.items() if key not in used and not _is_other(key)]
    return found


def matching(pictures: Iterable[str], files: Iterable[str]) -> list[str]:
    """The files that have the bare name of a picture."""
    stems = {_stem(without_ending(picture)) for picture in pictures}
    return [file for file in files if _stem(without_ending(file)) in stems]


def without_ending(name: str) -> str:
    """`a/b.png` without `.png`."""
    return os.path.splitext(name)[0]  # noqa: PTH122  (a Path each is too slow)


def _first(files: Files, found: Pairs, reason: str) -> dict[str, str]:
    """The first of each name without its ending; the others are listed."""
    first: dict[str, str] = {}
    for name in files.names:
        key = without_ending(name)
        if key in first:
            found.bad.append(files.bad(name, f"{reason}: {files.shown(first[key])}"))
        else:
            first[key] = name
    return first


def _by_stem(keys: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        found[_stem(key)].append(key)
    return found


def _stem(key: str) -> str:
    return key.rpartition("/")[2]


def _is_other(key: str) -> bool:
    """Whether a file beside labels is known to be none."""
    bare = _stem(key).lower()
    return bare in NO_LABELS or bare.startswith("readme")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(escape(name) for name in names[:3]) + (", …" if len(names) > 3 else "")
