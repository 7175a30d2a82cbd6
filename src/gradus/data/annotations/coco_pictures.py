"""The pictures that COCO's file names, found among those that there are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.annotations import coco
from gradus.data.annotations.boxes import Boxes
from gradus.data.annotations.pairs import Files
from gradus.data.annotations.reading import Reading
from gradus.data.annotations.recognise import Contents, about, coco_files
from gradus.data.lists import escape
from gradus.data.pictures import read_file
from gradus.data.readers.folder import Watcher


def read_coco(contents: Mapping[Split, Contents], found: Reading, watch: Watcher) -> None:
    """Read one file for all pictures of a split, or several beside each other."""
    for split, each in contents.items():
        _read(each, split if len(contents) > 1 else None, found, watch)
    if Split.TRAIN not in found.splits:
        first = contents[Split.TRAIN]
        raise InputError(
            f"There is no JSON file for training in {escape(first.labels.root)}",
            field=first.place.given.fields[2], file=escape(first.labels.root),
            hint="Name COCO's file with the instances.",
        )  # fmt: skip
    named = {each.path for own in found.splits.values() for each in own}
    there = {each.pictures.path(name) for each in contents.values() for name in each.pictures.names}
    if left := len(there - named):
        found.warnings.append(f"{left:,} pictures are not named by COCO's file and are left out")


def _read(contents: Contents, split: Split | None, found: Reading, watch: Watcher) -> None:
    for each, file in coco_files(contents, split).items():
        try:
            read = coco.parse(read_file(os.path.realpath(file)), contents.place.given.outlines, watch)
        except InputError as error:
            raise about(error, file, contents) from error
        found.names = list(dict.fromkeys([*found.names, *read.names]))
        shown = escape(file.name)
        found.bad.extend(BadFile(file=f"{shown}, {what}", reason=reason) for what, reason in read.lost)
        if read.unlisted:
            found.bad.append(BadFile(file=shown, reason=f"{read.unlisted:,} more entries refer to nothing"))
        found.open(each)
        _match(contents.pictures, read.pictures, shown, each, found)


def _match(pictures: Files, annotated: Sequence[Boxes], shown: str, split: Split, found: Reading) -> None:
    """Find each picture by its path, or by a bare name that only one has."""
    paths = set(pictures.names)
    bare: dict[str, str | None] = {}
    for name in pictures.names:
        last = name.rpartition("/")[2]
        bare[last] = None if last in bare else name
    seen: set[str] = set()
    for boxes in annotated:
        wanted = boxes.picture.replace("\\", "/").removeprefix("./")
        file: str | None = wanted if wanted in paths else bare.get(wanted.rpartition("/")[2])
        reason = boxes.broken
        if file is None:
            reason = f"{shown} names it, and there is no such picture"
        elif file in seen:
            reason = f"{shown} names it twice; the first is taken"
        if file is None or reason:
            found.bad.append(BadFile(file=escape(boxes.picture)[:500], reason=reason))
            continue
        seen.add(file)
        found.add(split, pictures.path(file), pictures.shown(file), boxes)
