"""Which format annotations are in, told by what lies there: by endings, and text files by their first line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gradus.core.errors import ImageError, InputError
from gradus.data.annotations.layout import Place, split_of
from gradus.data.annotations.pairs import Files, matches
from gradus.data.lists import escape
from gradus.data.pictures import read_file
from gradus.data.readers.folder import Watcher, all_pictures, links_left_out, open_folder
from gradus.core.dataset import Split


class Format(StrEnum):
    KITTI = "kitti"
    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"


TITLES = {Format.KITTI: "KITTI", Format.VOC: "Pascal VOC", Format.COCO: "COCO", Format.YOLO: "YOLO"}
ENDINGS = {Format.KITTI: ".txt", Format.VOC: ".xml", Format.COCO: ".json", Format.YOLO: ".txt"}
SUFFIXES = frozenset(ENDINGS.values())
ROBOFLOW = "_annotations.coco.json"
LOOKED_AT = 50  # text files, of which one has to have a line


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of one place."""

    place: Place
    pictures: Files
    labels: Files
    warnings: Sequence[str] = ()

    def ending(self, suffix: str) -> Files:
        """The label files of one ending."""
        return Files(self.labels.root, [name for name in self.labels.names if name.lower().endswith(suffix)])


def look(place: Place, watch: Watcher) -> Contents:
    """List the files of a place. `InputError` names the field of a folder that cannot be read, or has no pictures."""
    pictures_field, labels_field, _ = place.given.fields
    walk = open_folder(place.pictures, pictures_field, watch)
    pictures = all_pictures(walk)
    if not pictures:
        raise InputError(
            f"There are no pictures in {escape(walk.root)}", field=pictures_field, file=escape(walk.root),
            hint="Give the folder of the pictures, or the folder above pictures and labels.",
        )  # fmt: skip
    other = open_folder(place.labels, labels_field, watch)
    labels = all_pictures(other, SUFFIXES)
    warnings = dict.fromkeys(text for each in (walk, other) for text in links_left_out(each))
    return Contents(place, Files(walk.root, pictures), Files(other.root, labels), list(warnings))


def recognise(contents: Contents) -> Format:
    """The format of a place. `InputError` if nothing there annotates the pictures."""
    given = contents.place.given
    if given.file:
        return Format.COCO if given.file.lower().endswith(".json") else Format.YOLO
    counts = {suffix: matches(contents.pictures.names, contents.ending(suffix).names) for suffix in (".xml", ".txt")}
    if counts[".xml"] >= counts[".txt"] > 0 or counts[".xml"] > 0 == counts[".txt"]:
        return Format.VOC
    if counts[".txt"]:
        return _text(contents)
    if contents.ending(".json").names:
        return Format.COCO
    raise InputError(
        f"Nothing in {escape(contents.labels.root)} annotates the pictures: no text or XML file has the name of one, "
        "and there is no JSON file",
        field=given.fields[1], file=escape(contents.labels.root),
        hint="Give the folder of the labels, COCO's file, or the folder above pictures and labels.",
    )  # fmt: skip


def coco_file(contents: Contents, split: Split, only: bool) -> Path | None:
    """COCO's file for a split; `only` tells that no other split is in this place."""
    files = contents.ending(ENDINGS[Format.COCO]).names
    beside = Path(contents.pictures.root, ROBOFLOW)
    if contents.place.given.file:
        return Path(contents.place.given.file) if split is Split.TRAIN or only else None
    if beside.is_file():
        return beside
    named = [name for name in files if split_of(Path(name).stem) is split]
    instances = [name for name in named or files if "instances" in name.lower()]
    chosen = instances or named or (files if only else [])
    if len(chosen) > 1:
        raise InputError(
            f"Several files may be meant for {split}: {', '.join(escape(name) for name in chosen[:5])}",
            field=contents.place.given.fields[2], file=escape(contents.labels.root), hint="Name the one that is meant.",
        )  # fmt: skip
    return Path(contents.labels.path(chosen[0])) if chosen else None


def _text(contents: Contents) -> Format:
    """KITTI's lines start with the name of a class, YOLO's with its number and have no names."""
    files = contents.ending(".txt")
    for name in files.names[:LOOKED_AT]:
        try:
            words = read_file(files.path(name)).split(b"\n", 1)[0].split()
        except ImageError:
            continue
        if len(words) >= 5:
            return Format.YOLO if _is_number(words[0]) else Format.KITTI
    return Format.YOLO if contents.place.names_file else Format.KITTI


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
