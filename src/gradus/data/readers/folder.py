"""A folder of pictures with one sub-folder per class, by DIGITS' rules.

Each immediate sub-folder is a class; its name with `_` read as a space is the label; pictures are
found at any depth below it. Links are followed where they stay inside the folder.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.dataset import ClassificationOptions
from gradus.core.errors import InputError, PathError
from gradus.data.lists import escape
from gradus.data.seeded import sampled

EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"))
FIELD = "train"
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))
EVERY = 1000  # files between two looks at the watcher

Watcher = Callable[[int], None]  # called with the number of files found so far; may raise to stop


def _nobody(_found: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class ClassFiles:
    """One class. `files` are relative to the folder that was read, sorted, as `os.fsdecode` gives them."""

    label: str
    files: list[str]
    found: int  # before the maximum was applied


@dataclass(slots=True)
class Listing:
    """What a folder holds. Classes are sorted by the names of their folders; class i has index i."""

    folder: Path
    classes: list[ClassFiles] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """The name of each class."""
        return [c.label for c in self.classes]

    @property
    def count(self) -> int:
        """The number of files of all classes."""
        return sum(len(c.files) for c in self.classes)


@dataclass(slots=True)
class ClassFolders:
    """The sub-folders of a folder, and the state of one pass over them."""

    root: str
    names: list[str] = field(default_factory=list)  # sorted
    watch: Watcher = _nobody
    seen: set[tuple[int, int]] = field(default_factory=set)  # folders, so that a loop ends
    found: int = 0
    outside: int = 0


def scan(folder: Path, options: ClassificationOptions, watch: Watcher = _nobody) -> Listing:
    """List the pictures of each class. `InputError` where fewer than two classes remain."""
    walk = class_folders(folder, watch)
    listing = Listing(folder=Path(walk.root))
    wanted = 1 + (options.validation_percent > 0) + (options.test_percent > 0)
    least = max(options.minimum_per_class, wanted)
    for name in walk.names:
        files = sorted(pictures_of(walk, name), key=os.fsencode)
        label = escape(name.replace("_", " "))
        if len(files) < least:
            listing.left_out.append(label)
            listing.warnings.append(f"Class “{label}” is left out: {_pictures(len(files))}, fewer than {least}")
            continue
        kept = files
        if options.maximum_per_class is not None and len(files) > options.maximum_per_class:
            kept = sampled(files, options.maximum_per_class, options.seed, f"maximum/{name}")
            listing.warnings.append(
                f"Class “{label}”: {len(kept):,} of {_pictures(len(files))} are used, chosen at random with the seed"
            )
        listing.classes.append(ClassFiles(label=label, files=kept, found=len(files)))
    _note(listing, walk)
    _check(listing, least, len(walk.names))
    return listing


def class_folders(folder: Path, watch: Watcher = _nobody) -> ClassFolders:
    """The sub-folders of `folder`, which must be a readable folder with at least two."""
    try:
        exists, is_folder = folder.exists(), folder.is_dir()
    except PermissionError as error:
        raise _denied(str(folder.parent)) from error
    except OSError as error:
        raise PathError(f"The folder cannot be read: {error.strerror}", field=FIELD) from error
    if not exists:
        raise PathError(
            f"There is no folder {escape(str(folder))}", field=FIELD, file=escape(str(folder)),
            hint="Check the spelling. The path is one on the machine that Gradus runs on.",
        )  # fmt: skip
    if not is_folder:
        raise PathError(
            f"{escape(str(folder))} is a file, not a folder", field=FIELD, file=escape(str(folder)),
            hint="Give the folder that holds one sub-folder of pictures for each class.",
        )  # fmt: skip
    walk = ClassFolders(root=os.path.realpath(folder), watch=watch)
    names = walk.names = sorted((e.name for e in _entries(walk.root) if _is_folder(walk, e)), key=os.fsencode)
    if len(names) < 2:
        there = "no sub-folders" if not names else f"only one sub-folder, “{escape(names[0])}”"
        raise InputError(
            f"The folder must hold at least two sub-folders, one for each class; it has {there}",
            field=FIELD, file=escape(str(folder)),
            hint="Put the pictures of each class into a sub-folder of their own and give the folder above them.",
        )  # fmt: skip
    if all(name.lower() in SPLITS and _has_folders(walk, name) for name in names):
        raise InputError(
            f"The sub-folders {_listed(names)} look like parts of a dataset, not like classes",
            field=FIELD, file=escape(str(folder)), hint=f"Give one of them, such as {escape(str(folder / names[0]))}",
        )  # fmt: skip
    return walk


def pictures_of(walk: ClassFolders, name: str) -> Iterator[str]:
    """The pictures below one class's folder, relative to the root, in the order of the disk."""
    waiting = [name]
    while waiting:
        relative = waiting.pop()
        path = f"{walk.root}/{relative}"
        if not _first_visit(walk, path):
            continue
        for entry in _entries(path):
            below = f"{relative}/{entry.name}"
            if entry.is_symlink() and not _inside(walk, entry):
                continue
            if entry.is_dir():
                waiting.append(below)
            elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:  # noqa: PTH122  (a Path each is too slow)
                walk.found += 1
                if walk.found % EVERY == 0:
                    walk.watch(walk.found)
                yield os.path.relpath(os.path.realpath(entry.path), walk.root) if entry.is_symlink() else below


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from entries
    except PermissionError as error:
        raise _denied(path) from error
    except FileNotFoundError:  # removed while we read
        return


def _is_folder(walk: ClassFolders, entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and (not entry.is_symlink() or _inside(walk, entry))


def _has_folders(walk: ClassFolders, name: str) -> bool:
    return any(_is_folder(walk, entry) for entry in _entries(f"{walk.root}/{name}"))


def _inside(walk: ClassFolders, entry: os.DirEntry[str]) -> bool:
    """Whether a link leads to something inside the folder; counts those that do not."""
    target = os.path.realpath(entry.path)
    if target.startswith(walk.root + "/") and Path(target).exists():
        return True
    walk.outside += 1
    return False


def _first_visit(walk: ClassFolders, path: str) -> bool:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return False
    except PermissionError as error:
        raise _denied(path) from error
    identity = status.st_dev, status.st_ino
    if identity in walk.seen:
        return False
    walk.seen.add(identity)
    return True


def _denied(path: str) -> PathError:
    """Say who may not do what, because the server often runs as another user than the one who asks."""
    lacking = [
        word
        for word, mode in (("list it (read permission)", os.R_OK), ("enter it (execute permission)", os.X_OK))
        if not os.access(path, mode)
    ]
    try:
        user = f"“{getpass.getuser()}” (uid {os.geteuid()})"
    except (KeyError, OSError):
        user = f"with uid {os.geteuid()}"
    return PathError(
        f"The user {user}, as whom Gradus runs, may not {' nor '.join(lacking) or 'read all above it'}: {escape(path)}",
        field=FIELD,
        file=escape(path),
        hint="Give that user read and execute permission on the folder, or copy the pictures elsewhere.",
    )


def _note(listing: Listing, walk: ClassFolders) -> None:
    if walk.outside:
        listing.warnings.append(f"{walk.outside:,} links lead out of the folder, or nowhere, and are left out")
    twice = sorted({label for label in listing.labels if listing.labels.count(label) > 1})
    listing.warnings.extend(f"Several folders give classes of the same name, “{label}”" for label in twice)


def _check(listing: Listing, least: int, folders: int) -> None:
    if len(listing.classes) >= 2:
        return
    raise InputError(
        f"Of {folders:,} sub-folders, {len(listing.classes) or 'none'} has at least {_pictures(least)}; "
        "a classification needs at least two such classes",
        field=FIELD, file=escape(str(listing.folder)),
        hint=f"Pictures end in {', '.join(sorted(e[1:] for e in EXTENSIONS))}. "
        "Add pictures, or lower “Minimum samples per class”.",
    )  # fmt: skip


def _listed(names: list[str]) -> str:
    """`“a”, “b” and “c”`, for names that are plain words."""
    return f"{', '.join(f'“{name}”' for name in names[:-1])} and “{names[-1]}”"


def _pictures(count: int) -> str:
    return f"{count:,} picture" + ("" if count == 1 else "s")
