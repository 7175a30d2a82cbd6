"""A quick look at a folder before anything is built: its classes, and pictures as they would become."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gradus.core.classification import ClassificationOptions, GroupBy, Method
from gradus.core.dataset import Split
from gradus.core.errors import ImageError, InputError
from gradus.data.collect import collect
from gradus.data.fetching import fetch_one
from gradus.data.lists import escape
from gradus.data.pictures import decode, read_file
from gradus.data.png import encode_png
from gradus.data.readers.folder import FIELDS, Watcher, class_folders, label_of, pictures_of
from gradus.data.readers.manifest import metadata_of
from gradus.data.remote.address import is_address, is_remote
from gradus.data.remote.outline import RemoteFolder
from gradus.data.remote.sources import Drawing, Elsewhere, draw, opened
from gradus.data.resize import fit

PICTURES = 12
SECONDS = 1.5  # for counting; pictures come on top
ELSEWHERE_SECONDS = 4.0  # for listing what lies elsewhere, and again for fetching pictures of it
NAME = re.compile(r"(?!\.{1,2}$)[^/\0]{1,80}")  # of a folder, as it can be made here
CLASSES = 1000  # shown at most
OTHERS = (Split.VAL, Split.TEST)
SHOWN_SIDE = 512  # larger results are shrunk for showing


@dataclass(frozen=True, slots=True)
class ClassPreview:
    """One class. `count` is None where time ran out before it was counted, and a lower bound if not `complete`.

    `own` are its pictures in the splits that have a source of their own.
    """

    label: str
    count: int | None
    complete: bool
    own: dict[Split, int] = field(default_factory=dict)
    planned: bool = False  # then `count` is what is trained on, and `own` what every other split gets


@dataclass(frozen=True, slots=True)
class Example:
    """One picture as the dataset would hold it (`png`), or the reason why it could not be used."""

    label: str
    file: str
    source_width: int = 0
    source_height: int = 0
    png: bytes | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a folder holds. `classes` are at most 1,000 of `class_count`; `unknown` are those that training lacks."""

    classes: list[ClassPreview] = field(default_factory=list)
    class_count: int = 0
    examples: list[Example] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class _LateError(Exception):
    """There is no time to read it all. Caught where the time is given."""


def preview(
    options: ClassificationOptions, space: Path, *, pictures: int = PICTURES, seconds: float = SECONDS
) -> Preview:
    """Classes with their counts and up to `pictures` fitted examples, one class after the other.

    Bounded: however large the folder, counting ends after about `seconds`. Folders that are no dataset
    raise the same errors as building one. What has to be unpacked or fetched is written below `space`.
    """
    if not is_remote(options):
        return _preview(options, space, pictures, time.monotonic() + seconds)
    with opened(options) as remotes:
        drawing, whole = _drawn(options, remotes, space / "drawn", time.monotonic() + ELSEWHERE_SECONDS)
        found = _preview(drawing.options, space, pictures, time.monotonic() + seconds, drawing)
    return found if whole else replace(found, classes=[replace(each, complete=False) for each in found.classes])


def _drawn(
    options: ClassificationOptions, remotes: dict[Split, RemoteFolder], space: Path, ends: float
) -> tuple[Drawing, bool]:
    """As much of the folders elsewhere as can be listed in time, but all of their classes; and whether that is all."""
    for split, remote in remotes.items():
        for name in remote.top():
            if NAME.fullmatch(name):
                (space / split / name).mkdir(parents=True, exist_ok=True)
    drawing = Drawing(options)
    try:
        for drawn in draw(options, remotes, space, _until(ends)):
            drawing = drawn
    except _LateError:
        for remote in remotes.values():
            remote.halt.clear()  # examples are still fetched
        undrawn = {name: "" for name in FIELDS.values() if is_address(getattr(drawing.options, name))}
        drawing.options = drawing.options.model_copy(update=undrawn)
        return drawing, False
    return drawing, True


def _preview(
    options: ClassificationOptions, space: Path, pictures: int, ends: float, drawing: Drawing | None = None
) -> Preview:
    if options.method is not Method.FOLDER or options.group_by is not GroupBy.NONE or metadata_of(options):
        return _planned(options, space, pictures, ends, drawing)
    folders = class_folders(Path(options.train))
    labels = [label_of(name) for name in folders.names]
    others = {
        split: class_folders(Path(options.source(split)), split=split) for split in OTHERS if options.source(split)
    }
    chosen = _spread(len(labels), pictures)
    each = -(-pictures // max(1, len(chosen)))
    classes: list[ClassPreview] = []
    taken: list[tuple[str, str]] = []
    for number, (name, label) in enumerate(zip(folders.names[:CLASSES], labels, strict=False)):
        files = pictures_of(folders, name)
        first = list(islice(files, each)) if number in chosen else []
        taken.extend((label, file) for file in first)
        count, complete = _counted(files, ends)
        own: dict[Split, int] = {}
        for split, folder in others.items():
            found = [_counted(pictures_of(folder, n), ends) for n in folder.names if label_of(n) == label]
            own[split] = sum(some or 0 for some, _ in found)
            complete = complete and all(whole for _, whole in found)
        classes.append(ClassPreview(label, None if count is None else count + len(first), complete, own))
    read = _reading(Path(folders.root), drawing.at(Path(folders.root)) if drawing else None)
    examples = [_example(options, label, file, read) for label, file in taken[:pictures]]
    unknown = {label_of(name) for folder in others.values() for name in folder.names} - set(labels)
    return Preview(classes=classes, class_count=len(labels), examples=examples, unknown=sorted(unknown))


def _planned(
    options: ClassificationOptions, space: Path, pictures: int, ends: float, drawing: Drawing | None
) -> Preview:
    """What is read as a whole before anything is known of it, such as a list."""
    try:
        plan = collect(options, _until(ends), space / "unpacked")
    except _LateError:
        raise InputError(
            "It takes too long to read for an example", field="train", hint="The dataset can be created all the same."
        ) from None
    counts = {split: [0] * len(plan.labels) for split in Split}
    first: dict[int, list[str]] = {}
    each = -(-pictures // min(len(plan.labels), max(1, pictures)))
    for split, part in plan.parts.items():
        for file, label in part.entries:
            counts[split][label] += 1
            if split is Split.TRAIN and len(shown := first.setdefault(label, [])) < each:
                shown.append(file)
    classes = [
        ClassPreview(label, counts[Split.TRAIN][i], True, {s: counts[s][i] for s in OTHERS}, planned=True)
        for i, label in enumerate(plan.labels[:CLASSES])
    ]
    train = plan.parts[Split.TRAIN]
    read = _reading(train.root, drawing.at(train.root) if drawing else train.elsewhere)
    taken = [(plan.labels[label], file) for label in sorted(first) for file in first[label]][:pictures]
    with closing(plan):
        examples = [_example(options, label, file, read) for label, file in taken]
    lines = [Example(label="", file=bad.file, reason=bad.reason) for bad in plan.bad[:pictures]]
    return Preview(classes=classes, class_count=len(plan.labels), examples=examples + lines)


def _counted(files: Iterator[str], ends: float) -> tuple[int | None, bool]:
    """How many there are, and whether that is all of them; None where there was no time to look."""
    if time.monotonic() >= ends:
        return None, False
    count = 0
    for _ in files:
        count += 1
        if count % 256 == 0 and time.monotonic() > ends:
            return count, False
    return count, True


def _spread(count: int, wanted: int) -> set[int]:
    """At most `wanted` of the first 1,000 class numbers, evenly apart."""
    count = min(count, CLASSES)
    return set(range(count)) if count <= wanted else {i * count // wanted for i in range(wanted)}


def _until(ends: float) -> Watcher:
    """A watcher that ends the work when the time is over."""

    def watch(_found: int) -> None:
        if time.monotonic() > ends:
            raise _LateError

    return watch


def _reading(root: Path, elsewhere: Elsewhere | None) -> Callable[[str], bytes]:
    """How the files of a folder or list are read: fetched before, if they lie elsewhere, as far as there is time."""
    ends = time.monotonic() + ELSEWHERE_SECONDS

    def read(file: str) -> bytes:
        if elsewhere is None:
            return read_file(os.path.join(root, file))  # noqa: PTH118  (names may be any bytes)
        if time.monotonic() > ends:
            raise ImageError("it takes too long to fetch it for an example")
        try:
            return read_file(fetch_one(elsewhere, file) or os.path.join(root, file))  # noqa: PTH118
        except ImageError:
            raise
        except InputError as error:
            raise ImageError(str(error)) from error

    return read


def _example(options: ClassificationOptions, label: str, file: str, read: Callable[[str], bytes]) -> Example:
    shown = escape(file)
    try:
        pixels = decode(read(file)).pixels
    except ImageError as error:
        return Example(label=label, file=shown, reason=str(error))
    height, width = pixels.shape[:2]
    fitted = fit(pixels, options.width, options.height, options.channels, options.resize_mode)
    png = encode_png(_small(fitted))
    return Example(label=label, file=shown, source_width=width, source_height=height, png=png)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, channels = pixels.shape
    if max(height, width) <= SHOWN_SIDE:
        return pixels
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return np.asarray(image).reshape(image.height, image.width, channels)
