"""The places elsewhere that a dataset is made of: opened as its options say, looked at, drawn on this disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import BinaryIO, Protocol

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.readers.folder import FIELDS, SPLITS, Watcher, split_folders
from gradus.data.remote import secrets
from gradus.data.remote.address import Rules, is_address
from gradus.data.remote.fetcher import SECONDS, Fetcher
from gradus.data.remote.outline import RemoteFolder, outline
from gradus.data.remote.s3 import TRIES, Bucket
from gradus.data.remote.web_folder import WebFolder
from gradus.data.remote.wire import watched

LOOK_SECONDS = 6.0  # for one answer, when it is looked whether there are pictures


class Elsewhere(Protocol):
    """Where the files of a split are fetched from."""

    @property
    def halt(self) -> Event:
        """Ends what is under way."""

    def copy_of(self, file: str) -> str:
        """Where its content is on this disk once it is fetched; empty for a file of this machine."""

    def fetch(self, file: str, into: BinaryIO) -> None:
        """Write the content of a file; `InputError` says why it cannot be had."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of single pictures, as lists name them. Their copies are named by what the address is."""

    fetcher: Fetcher
    folder: Path

    @property
    def halt(self) -> Event:
        """The fetcher's."""
        return self.fetcher.halt

    def copy_of(self, file: str) -> str:
        """The path of its copy."""
        if not is_address(file):
            return ""
        return f"{self.folder}/{hashlib.sha256(file.encode('utf-8', 'surrogateescape')).hexdigest()}"

    def fetch(self, file: str, into: BinaryIO) -> None:
        """Write one picture."""
        self.fetcher.get(file, into)


@dataclass(frozen=True, slots=True)
class Within:
    """A folder that is drawn at `root`, or one in it: its name in there ends in a slash."""

    remote: RemoteFolder
    root: str
    inside: str = ""

    @property
    def halt(self) -> Event:
        """The folder's."""
        return self.remote.halt

    @property
    def shown(self) -> str:
        """What stands before the names."""
        return self.remote.shown + self.inside

    def copy_of(self, file: str) -> str:
        """The path of its copy."""
        return f"{self.root}/{self.inside}{file}"

    def fetch(self, file: str, into: BinaryIO) -> None:
        """Write one picture."""
        self.remote.fetch(self.inside + file, into)


@dataclass(slots=True)
class Drawing:
    """What was drawn: the options with folders of this disk, what these stand for, and names of no use."""

    options: ClassificationOptions
    drawn: list[Within] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)

    def at(self, root: Path) -> Within | None:
        """What a folder stands for; None for one of this machine."""
        for each in self.drawn:
            if str(root) == each.root:
                return each
            if str(root).startswith(each.root + "/"):
                return Within(each.remote, each.root, str(root).removeprefix(each.root + "/") + "/")
        return None


@contextmanager
def opened(options: ClassificationOptions, watch: Watcher | None = None) -> Iterator[dict[Split, RemoteFolder]]:
    """The folders elsewhere that the options name. Opening one asks its server, but for S3.

    `watch` may end the waiting for it by raising. Without it, little time is taken, and nothing asked twice.
    """
    rules, seconds = Rules.of(options.hosts), SECONDS if watch else LOOK_SECONDS
    with ExitStack() as stack:
        found: dict[Split, RemoteFolder] = {}
        if options.method is Method.S3:
            keys = secrets.read(Path(options.s3_credentials)) if options.s3_credentials else None
            fetcher = stack.enter_context(Fetcher(rules, seconds=seconds))
            found[Split.TRAIN] = Bucket(
                fetcher, options.s3_endpoint, options.s3_bucket, options.s3_path, keys, TRIES if watch else 1
            )
        else:
            for split, named in FIELDS.items():
                if is_address(text := options.source(split)):
                    fetcher = stack.enter_context(Fetcher(rules, seconds=seconds))
                    opening = partial(WebFolder, fetcher, text, named)
                    found[split] = watched(opening, partial(watch, 0), fetcher.halt) if watch else opening()
        yield found


def draw(
    options: ClassificationOptions, remotes: dict[Split, RemoteFolder], space: Path, watch: Watcher
) -> Iterator[Drawing]:
    """Draw the folders below `space`, one after the other; what there is so far each time, at last all of it."""
    folders: dict[str, str] = {}
    drawing = Drawing(options)
    for split, remote in remotes.items():
        target = Path(os.path.realpath(space)) / split
        target.mkdir(parents=True, exist_ok=True)
        drawing.drawn.append(Within(remote, str(target)))
        folders[FIELDS[split]] = str(target)
        drawing.options = options.model_copy(update={**folders, "method": Method.FOLDER})
        yield drawing
        drawing.bad += outline(remote, target, FIELDS[split], watch)
    if not options.validation and not options.test:
        folders |= {FIELDS[split]: str(folder) for split, folder in split_folders(Path(folders["train"])).items()}
    drawing.options = drawing.options.model_copy(update=folders)
    yield drawing


def look(options: ClassificationOptions) -> None:
    """Ask each place for its first page, or what there is of it; `InputError` where that is no dataset."""
    with opened(options) as remotes:
        for split, remote in remotes.items():
            names = remote.top()
            least = 2 if split is Split.TRAIN else 1
            if len(names) < least and not (names and names[0].lower() in SPLITS):
                raise _no_classes(names, "s3_path" if options.method is Method.S3 else FIELDS[split], remote.shown)


def _no_classes(names: Sequence[str], named: str, shown: str) -> InputError:
    there = f"only one, “{names[0]}”" if names else "none"
    return InputError(
        f"There must be at least two sub-folders, one for each class; there is {there}", field=named, file=shown,
        hint="Give the place that holds one sub-folder of pictures for each class.",
    )  # fmt: skip
