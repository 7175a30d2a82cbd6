"""All that annotations say: the pictures of each split with their boxes, and the files that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.annotations import coco, kitti, voc, yolo
from gradus.data.annotations.boxes import Boxes
from gradus.data.annotations.layout import LISTS, Given, places
from gradus.data.annotations.pairs import Files, pair, without_ending
from gradus.data.annotations.recognise import ENDINGS, TITLES, Contents, Format, coco_files, look, recognise
from gradus.data.lists import escape
from gradus.data.pairs import voc_list
from gradus.data.pictures import read_file
from gradus.data.readers.folder import EVERY, SHOWN, Watcher

Parse = Callable[[bytes], Boxes]


@dataclass(frozen=True, slots=True)
class Pictured:
    """A picture: its whole path, what messages call it, and its boxes."""

    path: str
    name: str
    boxes: Boxes


@dataclass(slots=True)
class Reading:
    """What was read. `names` are the classes that the annotations declare, in their order."""

    format: Format
    splits: dict[Split, list[Pictured]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lost: dict[str, set[str]] = field(default_factory=dict)  # of a folder, the label files that no picture has

    def lose(self, folder: str, files: Iterable[str]) -> None:
        """Note label files without a picture; where several parts share a folder, those that none of them has."""
        self.lost[folder] = self.lost[folder].intersection(files) if folder in self.lost else set(files)


def read(given: Mapping[Split, Given], wanted: Format | None, watch: Watcher) -> Reading:
    """Read what is given for training, and for other splits in place of what the layout has for them.

    `InputError` names the field whose folder or file holds no annotations.
    """
    found = _source(given[Split.TRAIN], wanted, watch)
    for split in (Split.VAL, Split.TEST):
        if split not in given:
            continue
        own = _source(given[split], found.format, watch)
        if found.splits.pop(split, None):
            found.warnings.append(f"The pictures for {SHOWN[split]} that lie beside those for training are not used")
        found.splits[split] = own.splits.get(split) or own.splits[Split.TRAIN]
        found.names = list(dict.fromkeys([*found.names, *own.names]))
        found.bad.extend(own.bad)
        found.warnings.extend(own.warnings)
        for folder, files in own.lost.items():
            found.lose(folder, files)
    for folder, files in found.lost.items():
        labels = Files(folder, sorted(files))
        found.bad.extend(labels.bad(name, "there is no picture of this name") for name in labels.names)
    found.warnings.insert(0, _sentence(found, wanted))
    return found


def _sentence(found: Reading, wanted: Format | None) -> str:
    """What was read, and as what."""
    pictures = sum(map(len, found.splits.values()))
    boxes = sum(len(each.boxes.boxes) for own in found.splits.values() for each in own)
    parts = ", ".join(f"{SHOWN[split]} {len(own):,}" for split, own in found.splits.items())
    named = "Read as" if wanted else "Recognised as"
    return f"{named} {TITLES[found.format]}: {pictures:,} pictures ({parts}) with {boxes:,} boxes"


def _source(given: Given, wanted: Format | None, watch: Watcher) -> Reading:
    contents = {split: look(place, watch) for split, place in places(given).items()}
    first = contents[Split.TRAIN]
    found = Reading(wanted or recognise(first), warnings=[text for each in contents.values() for text in each.warnings])
    if found.format is Format.COCO:
        for split, each in contents.items():
            _read_coco(each, split if len(contents) > 1 else None, found, watch)
        if Split.TRAIN not in found.splits:
            raise InputError(
                f"There is no JSON file for training in {escape(first.labels.root)}",
                field=given.fields[2], file=escape(first.labels.root), hint="Name COCO's file with the instances.",
            )  # fmt: skip
        _tell_unnamed(contents, found)
    else:
        parse = _parser(first, found)
        for split, each in contents.items():
            found.splits[split] = _read_files(each, parse, found, watch)
        if found.format is Format.VOC and len(contents) == 1:
            _divide(first, found)
    return found


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
        raise _about(error, file, contents) from error
    found.names = [name for name in names if name]
    return names, poses


def _read_files(contents: Contents, parse: Parse, found: Reading, watch: Watcher) -> list[Pictured]:
    """One label file a picture."""
    labels = contents.ending(ENDINGS[found.format])
    pairs = pair(contents.pictures, labels)
    found.bad.extend(pairs.bad)
    found.lose(labels.root, pairs.lost)
    if found.format is Format.YOLO and pairs.bare:
        found.warnings.append(f"{len(pairs.bare):,} pictures have no label file: they are taken to show no objects")
    read: list[Pictured] = []
    bare = set(pairs.bare)
    for picture in contents.pictures.names:
        if len(read) % EVERY == EVERY - 1:
            watch(len(read) + 1)
        if picture in pairs.labels:
            boxes = _boxes(labels, pairs.labels[picture], parse, found)
            if boxes is not None:
                read.append(_pictured(contents.pictures, picture, boxes))
        elif picture in bare:
            if found.format is Format.YOLO:
                read.append(_pictured(contents.pictures, picture, Boxes()))
            else:
                found.bad.append(contents.pictures.bad(picture, f"it has no label file in {escape(labels.root)}"))
    return read


def _boxes(labels: Files, name: str, parse: Parse, found: Reading) -> Boxes | None:
    """The boxes of a label file; None where it is listed."""
    try:
        boxes = parse(read_file(labels.path(name)))
        if boxes.broken:
            raise InputError(boxes.broken)
    except InputError as error:
        line = f", line {error.problem.line:,}" if error.problem.line else ""
        found.bad.append(BadFile(file=labels.shown(name) + line, reason=str(error)))
        return None
    return boxes


def _divide(contents: Contents, found: Reading) -> None:
    """Put the pictures into the splits that Pascal VOC's lists name them in, if there are lists."""
    given = contents.place.given
    folder = Path(given.pictures, LISTS)
    lists = {split: names for split in Split if (names := voc_list(folder, split, given.fields[0]))}
    if Split.TRAIN not in lists:
        return
    pictures = {without_ending(Path(each.path).name): each for each in found.splits[Split.TRAIN]}
    taken: set[str] = set()
    for split, wanted in lists.items():
        found.splits[split] = [pictures[name] for name in wanted if name in pictures and name not in taken]
        if lost := [name for name in wanted if name not in pictures]:
            named = ", ".join(escape(name) for name in lost[:3])
            found.warnings.append(f"Named for {SHOWN[split]} but of no use: {len(lost):,}, such as {named}")
        if again := taken.intersection(wanted):
            found.warnings.append(f"Named for {SHOWN[split]} and for another part too, which has them: {len(again):,}")
        taken.update(wanted)
    if left := len(pictures.keys() - taken):
        found.warnings.append(f"{left:,} pictures are in none of the lists of {LISTS} and are left out")


def _read_coco(contents: Contents, split: Split | None, found: Reading, watch: Watcher) -> None:
    """One file for all pictures of a split."""
    for each, file in coco_files(contents, split).items():
        try:
            read = coco.parse(read_file(os.path.realpath(file)), contents.place.given.outlines, watch)
        except InputError as error:
            raise _about(error, file, contents) from error
        found.names = list(dict.fromkeys([*found.names, *read.names]))
        shown = escape(file.name)
        found.bad.extend(BadFile(file=f"{shown}, {what}", reason=reason) for what, reason in read.lost)
        if read.unlisted:
            found.bad.append(BadFile(file=shown, reason=f"{read.unlisted:,} more entries refer to nothing"))
        found.splits[each] = _named(contents.pictures, read.pictures, shown, found)


def _named(pictures: Files, annotated: Sequence[Boxes], shown: str, found: Reading) -> list[Pictured]:
    """The pictures that annotations name, by their path or by a bare name that only one has."""
    paths = set(pictures.names)
    bare: dict[str, str | None] = {}
    for name in pictures.names:
        last = name.rpartition("/")[2]
        bare[last] = None if last in bare else name
    seen: set[str] = set()
    read: list[Pictured] = []
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
        read.append(_pictured(pictures, file, boxes))
    return read


def _tell_unnamed(contents: Mapping[Split, Contents], found: Reading) -> None:
    """Warn of pictures that no COCO file names."""
    named = {each.path for own in found.splits.values() for each in own}
    there = {each.pictures.path(name) for each in contents.values() for name in each.pictures.names}
    if left := len(there - named):
        found.warnings.append(f"{left:,} pictures are not named by COCO's file and are left out")


def _pictured(pictures: Files, name: str, boxes: Boxes) -> Pictured:
    return Pictured(pictures.path(name), pictures.shown(name), boxes)


def _about(error: InputError, file: Path, contents: Contents) -> InputError:
    """An error of a file that is for all pictures: of the field that names it."""
    problem = error.problem
    return InputError(
        f"{escape(file.name)}: {problem.message}", field=contents.place.given.fields[2], file=escape(str(file)),
        line=problem.line, hint=problem.hint,
    )  # fmt: skip
