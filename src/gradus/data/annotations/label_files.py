"""Formats with a file for each picture: KITTI, Pascal VOC and YOLO."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.annotations import kitti, voc, yolo
from gradus.data.annotations.boxes import Boxes
from gradus.data.annotations.layout import LISTS
from gradus.data.annotations.pairs import pair, without_ending
from gradus.data.annotations.reading import LabelFile, Parse, Reading
from gradus.data.annotations.recognise import ENDINGS, Contents, Format, about
from gradus.data.lists import escape
from gradus.data.pairs import voc_list
from gradus.data.pictures import read_file
from gradus.data.readers.folder import EVERY, SHOWN, Watcher


def read_files(contents: Mapping[Split, Contents], found: Reading, watch: Watcher) -> None:
    """Read the files of every place, in the parts that Pascal VOC's lists name where there are some."""
    first = contents[Split.TRAIN]
    parse = _parser(first, found)
    lists = _lists(first) if found.format is Format.VOC and len(contents) == 1 else {}
    for split in filter({*contents, *lists.values()}.__contains__, Split):
        found.open(split)
    for split, each in contents.items():
        _read(each, split, lists, parse, found, watch)
    if lists:
        _tell_lists(lists, first, found)


def _parser(contents: Contents, found: Reading) -> Parse:
    """What reads one file of a format."""
    if found.format is not Format.YOLO:
        return voc.parse if found.format is Format.VOC else kitti.parse
    names, poses = _names(contents, found)
    return lambda data: yolo.parse(data, names, poses)


def _names(contents: Contents, found: Reading) -> tuple[list[str] | None, bool]:
    """The names of YOLO's classes, if there are any, and whether labels are poses."""
    file = contents.place.names
    if file is None:
        found.warnings.append("There is no data.yaml or classes.txt: classes are called by their numbers")
        return None, False
    try:
        data = read_file(os.path.realpath(file))
        names, poses = yolo.read_yaml(data) if file.suffix in (".yaml", ".yml") else (yolo.read_names(data), False)
    except InputError as error:
        raise about(error, file, contents) from error
    found.names = [name for name in names if name]
    return names, poses


def _read(
    contents: Contents, split: Split, lists: Mapping[str, Split], parse: Parse, found: Reading, watch: Watcher
) -> None:
    labels = contents.ending(ENDINGS[found.format])
    pairs = pair(contents.pictures, labels)
    found.bad.extend(pairs.bad)
    found.lose(labels.root, pairs.lost)
    if found.format is Format.YOLO and pairs.bare:
        found.warnings.append(f"{len(pairs.bare):,} pictures have no label file: they are taken to show no objects")
    bare = set(pairs.bare)
    for number, picture in enumerate(contents.pictures.names, 1):
        if number % EVERY == 0:
            watch(number)
        into = lists.get(_bare(picture)) if lists else split
        if into is None:
            continue
        path, shown = contents.pictures.path(picture), contents.pictures.shown(picture)
        if picture in pairs.labels:
            name = pairs.labels[picture]
            file = LabelFile(labels.path(name), labels.shown(name), parse)
            if (boxes := _boxes(file, found)) is not None:
                found.add(into, path, shown, boxes, file)
        elif picture in bare and found.format is Format.YOLO:
            found.add(into, path, shown, Boxes())
        elif picture in bare:
            found.bad.append(contents.pictures.bad(picture, f"it has no label file in {escape(labels.root)}"))


def _boxes(file: LabelFile, found: Reading) -> Boxes | None:
    """The boxes of a file; None where it is listed."""
    try:
        return file.read()
    except InputError as error:
        line = f", line {error.problem.line:,}" if error.problem.line else ""
        found.bad.append(BadFile(file=file.name + line, reason=str(error)))
        return None


def _lists(contents: Contents) -> dict[str, Split]:
    """The split that Pascal VOC's lists name each bare name for; of several the first. Empty without lists."""
    folder, field = contents.place.lists, contents.place.given.fields[0]
    if folder is None:
        return {}
    lists = {split: voc_list(folder, split, field) for split in reversed(Split)}
    return {name: split for split, names in lists.items() for name in names} if lists[Split.TRAIN] else {}


def _tell_lists(lists: Mapping[str, Split], contents: Contents, found: Reading) -> None:
    """Warn of what lists and pictures do not have in common."""
    there = {_bare(picture) for picture in contents.pictures.names}
    for split in found.splits:
        if lost := [name for name, part in lists.items() if part is split and name not in there]:
            named = ", ".join(escape(name) for name in lost[:3])
            found.warnings.append(f"{len(lost):,} pictures listed for {SHOWN[split]} are not there, such as {named}")
    if left := len(there - lists.keys()):
        found.warnings.append(f"{left:,} pictures are in none of the lists of {LISTS} and are left out")


def _bare(picture: str) -> str:
    return without_ending(picture).rpartition("/")[2]
