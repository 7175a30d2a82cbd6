"""A folder of pictures with one sub-folder per class, by DIGITS' rules.

Each immediate sub-folder is a class; its name with `_` read as a space is the label; pictures are
found at any depth below it. Links are followed where they stay inside the folder.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError, PathError
from gradus.data.lists import escape
from gradus.data.seeded import sampled

EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"))
FIELDS = {Split.TRAIN: "train", Split.VAL: "validation", Split.TEST: "test"}
SHOWN = {Split.TRAIN: "training", Split.VAL: "validation", Split.TEST: "test"}
SPLITS = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), Split.VAL),
    **dict.fromkeys(("test", "testing"), Split.TEST),
}
EVERY = 1000  # files between two looks at the watcher

Identity = tuple[int, int]  # of a folder, whatever it is called: device and inode
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
    unknown: list[str] = field(default_factory=list)  # classes that training lacks
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
    named: str  # the field of the form that errors name
    names: list[str] = field(default_factory=list)  # sorted
    watch: Watcher = _nobody
    own: set[Identity] = field(default_factory=set)  # the folder and those of classes: none is part of a class
    found: int = 0
    outside: int = 0


def scan(
    folder: Path,
    options: ClassificationOptions,
    watch: Watcher = _nobody,
    split: Split = Split.TRAIN,
    known: Sequence[str] | None = None,
) -> Listing:
    """List the pictures of each class within the limits of a split.

    Training decides what the classes are, and needs two; another split's folder is matched with these
    `known` labels by name, and needs one of them.
    """
    walk = class_folders(folder, watch, split)
    listing = Listing(folder=Path(walk.root))
    minimum, maximum = options.limits(split)
    least = minimum if known is not None else max(minimum, least_for_all(options))
    where = "" if known is None else f" of {SHOWN[split]}"
    for name in walk.names:
        label = label_of(name)
        if known is not None and label not in known:
            listing.unknown.append(label)
            listing.warnings.append(f"Class “{label}”{where} is left out: training has no such class")
            continue
        files = sorted(pictures_of(walk, name), key=os.fsencode)
        if len(files) >= EVERY:  # sorting a million takes a second
            watch(walk.found)
        if len(files) < least:
            listing.left_out.append(label)
            listing.warnings.append(f"Class “{label}”{where} is left out: {_pictures(len(files))}, fewer than {least}")
            continue
        kept = files
        if maximum is not None and len(files) > maximum:
            kept = sampled(files, maximum, options.seed, f"maximum/{name}" if known is None else f"{split}/{name}")
            listing.warnings.append(
                f"Class “{label}”{where}: {len(kept):,} of {_pictures(len(files))} are used, "
                "chosen at random with the seed"
            )
        listing.classes.append(ClassFiles(label=label, files=kept, found=len(files)))
    _note(listing, walk)
    _check(listing, least, walk, known)
    return listing


def label_of(name: str) -> str:
    """The label that a class's folder gives: DIGITS reads `_` as a space."""
    return escape(name.replace("_", " "))


def least_for_all(options: ClassificationOptions) -> int:
    """How many pictures a class needs so that training and each share held back get one."""
    return 1 + sum(options.percent(split) > 0 for split in (Split.VAL, Split.TEST))


def open_folder(folder: Path, named: str, watch: Watcher = _nobody, hint: str = "") -> ClassFolders:
    """A readable folder, to be walked. `PathError` names the field `named` of the form and says what is wrong."""
    shown = escape(str(folder))
    try:
        exists, is_folder = folder.exists(), folder.is_dir()
    except PermissionError as error:
        raise _denied(str(folder.parent), named) from error
    except OSError as error:
        raise PathError(f"The folder cannot be read: {error.strerror}", field=named) from error
    if not exists:
        raise PathError(
            f"There is no folder {shown}", field=named, file=shown,
            hint="Check the spelling. The path is one on the machine that Gradus runs on.",
        )  # fmt: skip
    if not is_folder:
        raise PathError(
            f"{shown} is a file, not a folder", field=named, file=shown, hint=hint or "Give the folder that holds it."
        )
    return ClassFolders(root=os.path.realpath(folder), named=named, watch=watch)


def all_pictures(walk: ClassFolders, extensions: frozenset[str] = EXTENSIONS) -> list[str]:
    """Every picture of a folder, or file of other extensions, at any depth, sorted; relative to `walk.root`."""
    return sorted(pictures_of(walk, "", extensions), key=os.fsencode)


def links_left_out(walk: ClassFolders) -> list[str]:
    """A warning about links that lead out of what was walked, if there were any."""
    return (
        [f"{walk.outside:,} links lead out of the folder, to another class or nowhere, and are left out"]
        if walk.outside
        else []
    )


def class_folders(folder: Path, watch: Watcher = _nobody, split: Split = Split.TRAIN) -> ClassFolders:
    """The sub-folders of `folder`, which must be a readable folder with at least two; one, but for training."""
    name, shown = FIELDS[split], escape(str(folder))
    walk = open_folder(folder, name, watch, "Give the folder that holds one sub-folder of pictures for each class.")
    names = walk.names = sorted((e.name for e in _entries(walk, walk.root) if _is_class(walk, e)), key=os.fsencode)
    if len(names) < (2 if split is Split.TRAIN else 1):
        there = "no sub-folders" if not names else f"only one sub-folder, “{escape(names[0])}”"
        raise InputError(
            f"The folder must hold at least two sub-folders, one for each class; it has {there}",
            field=name, file=shown,
            hint="Put the pictures of each class into a sub-folder of their own and give the folder above them.",
        )  # fmt: skip
    if split is Split.TRAIN and all(name.lower() in SPLITS and _has_folders(walk, name) for name in names):
        raise InputError(
            f"The sub-folders {_listed(names)} look like parts of a dataset, not like classes",
            field=FIELDS[split], file=shown, hint=f"Give one of them, such as {escape(str(folder / names[0]))}",
        )  # fmt: skip
    walk.own = {found for each in ("", *names) if (found := _identity(walk, f"{walk.root}/{each}"))}
    return walk


def split_folders(folder: Path) -> dict[Split, Path]:
    """The parts of a folder that holds one for each split (as Hugging Face lays them out); empty for all others."""
    walk = ClassFolders(root=os.path.realpath(folder), named=FIELDS[Split.TRAIN])
    names = [entry.name for entry in _entries(walk, walk.root) if _is_folder(walk, entry)]
    found = {SPLITS[name.lower()]: folder / name for name in names if name.lower() in SPLITS}
    whole = len(found) == len(names) > 1 and Split.TRAIN in found and all(_has_folders(walk, name) for name in names)
    return found if whole else {}


def pictures_of(walk: ClassFolders, name: str, extensions: frozenset[str] = EXTENSIONS) -> Iterator[str]:
    """The pictures below one class's folder, or below all if it has no name, in the order of the disk.

    They are relative to the root. With other extensions, the files that end in these. A folder is entered once, so
    that loops end, and no link or mount makes one class a part of another.
    """
    waiting = [name]
    seen = set(walk.own)
    seen.discard(_identity(walk, f"{walk.root}/{name}") or (0, 0))
    while waiting:
        relative = waiting.pop()
        path = f"{walk.root}/{relative}"
        identity = _identity(walk, path)
        if identity is None or identity in seen:
            walk.outside += identity in walk.own and relative != name
            continue
        seen.add(identity)
        for entry in _entries(walk, path):
            below = f"{relative}/{entry.name}" if relative else entry.name
            if entry.is_symlink() and not _inside(walk, entry):
                continue
            if entry.is_dir():
                waiting.append(below)
            elif os.path.splitext(entry.name)[1].lower() in extensions:  # noqa: PTH122  (a Path each is too slow)
                walk.found += 1
                if walk.found % EVERY == 0:
                    walk.watch(walk.found)
                yield os.path.relpath(os.path.realpath(entry.path), walk.root) if entry.is_symlink() else below


def _entries(walk: ClassFolders, path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from entries
    except PermissionError as error:
        raise _denied(path, walk.named) from error
    except FileNotFoundError:  # removed while we read
        return


def _is_folder(walk: ClassFolders, entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and (not entry.is_symlink() or _inside(walk, entry))


def _is_class(walk: ClassFolders, entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, and not another class under a second name."""
    if not _is_folder(walk, entry):
        return False
    again = entry.is_symlink() and os.path.dirname(os.path.realpath(entry.path)) == walk.root  # noqa: PTH120
    walk.outside += again
    return not again


def _has_folders(walk: ClassFolders, name: str) -> bool:
    return any(_is_folder(walk, entry) for entry in _entries(walk, f"{walk.root}/{name}"))


def _inside(walk: ClassFolders, entry: os.DirEntry[str]) -> bool:
    """Whether a link leads to something inside the folder; counts those that do not."""
    target = os.path.realpath(entry.path)
    if target.startswith(walk.root + "/") and Path(target).exists():
        return True
    walk.outside += 1
    return False


def _identity(walk: ClassFolders, path: str) -> Identity | None:
    """Which folder this is; None where it is gone."""
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _denied(path, walk.named) from error
    return status.st_dev, status.st_ino


def _denied(path: str, name: str) -> PathError:
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
        field=name,
        file=escape(path),
        hint="Give that user read and execute permission on the folder, or copy the pictures elsewhere.",
    )


def _note(listing: Listing, walk: ClassFolders) -> None:
    listing.warnings.extend(links_left_out(walk))
    twice = sorted({label for label in listing.labels if listing.labels.count(label) > 1})
    listing.warnings.extend(f"Several folders give classes of the same name, “{label}”" for label in twice)


def _check(listing: Listing, least: int, walk: ClassFolders, known: Sequence[str] | None) -> None:
    if len(listing.classes) >= (2 if known is None else 1):
        return
    if known is not None and len(listing.unknown) == len(walk.names):
        raise InputError(
            f"None of the {len(walk.names):,} sub-folders is named as a class of the training images",
            field=walk.named, file=escape(walk.root),
            hint=f"Training has {', '.join(known[:5])}{', …' if len(known) > 5 else ''}; name these folders alike.",
        )  # fmt: skip
    raise InputError(
        f"Of {len(walk.names):,} sub-folders, {len(listing.classes) or 'none'} has at least {_pictures(least)}; "
        f"{'a classification needs at least two such classes' if known is None else 'one such class is needed'}",
        field=walk.named, file=escape(walk.root),
        hint=f"Pictures end in {', '.join(sorted(e[1:] for e in EXTENSIONS))}. "
        "Add pictures, or lower the minimum samples per class.",
    )  # fmt: skip


def _listed(names: list[str]) -> str:
    """`“a”, “b” and “c”`, for names that are plain words."""
    return f"{', '.join(f'“{name}”' for name in names[:-1])} and “{names[-1]}”"


def _pictures(count: int) -> str:
    return f"{count:,} picture" + ("" if count == 1 else "s")
