"""Which format annotations are in, told by what lies there: by endings, and text files by their first line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gradus.core.dataset import Split
from gradus.core.errors import ImageError, InputError
from gradus.data.annotations import kitti
from gradus.data.annotations.layout import Place, split_of
from gradus.data.annotations.pairs import Files, matching
from gradus.data.lists import escape
from gradus.data.pictures import read_file
from gradus.data.readers.folder import SHOWN, Watcher, all_pictures, links_left_out, open_folder


class Format(StrEnum):
    """How annotations are written."""

    KITTI = "kitti"
    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"


TITLES = {Format.KITTI: "KITTI", Format.VOC: "Pascal VOC", Format.COCO: "COCO", Format.YOLO: "YOLO"}
ENDINGS = {Format.KITTI: ".txt", Format.VOC: ".xml", Format.COCO: ".json", Format.YOLO: ".txt"}
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

    def matching(self, suffix: str) -> list[str]:
        """Those of them that have the name of a picture."""
        return matching(self.pictures.names, self.ending(suffix).names)


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
    labels = all_pictures(other, frozenset(ENDINGS.values()))
    warnings = dict.fromkeys(text for each in (walk, other) for text in links_left_out(each))
    return Contents(place, Files(walk.root, pictures), Files(other.root, labels), list(warnings))


def recognise(contents: Contents) -> Format:
    """The format of a place. `InputError` if nothing there annotates the pictures."""
    given = contents.place.given
    if given.file:
        return Format.COCO if given.file.lower().endswith(ENDINGS[Format.COCO]) else Format.YOLO
    xml, text = contents.matching(ENDINGS[Format.VOC]), contents.matching(ENDINGS[Format.KITTI])
    if xml and len(xml) >= len(text):
        return Format.VOC
    if text:
        return _of_text(contents, text)
    if contents.ending(ENDINGS[Format.COCO]).names:
        return Format.COCO
    raise InputError(
        f"Nothing in {escape(contents.labels.root)} annotates the pictures: no text or XML file has the name of one, "
        "and there is no JSON file",
        field=given.fields[1], file=escape(contents.labels.root),
        hint="Give the folder of the labels, COCO's file, or the folder above pictures and labels.",
    )  # fmt: skip


def check(contents: Contents, wanted: Format) -> None:
    """Refuse annotations that are plainly of another format than they are said to be."""
    if contents.place.given.file or _may_be(contents, wanted):
        return
    kind = recognise(contents)
    raise InputError(
        f"The labels in {escape(contents.labels.root)} are {TITLES[kind]}, not {TITLES[wanted]}",
        field="format", file=escape(contents.labels.root),
        hint=f"Choose {TITLES[kind]}, or leave it to be recognised.",
    )  # fmt: skip


def _may_be(contents: Contents, wanted: Format) -> bool:
    """Whether there are files with the ending of a format, and no long lines of KITTI's where YOLO's should be."""
    if wanted is Format.COCO:
        return bool(contents.ending(ENDINGS[wanted]).names)
    names = contents.matching(ENDINGS[wanted])
    if wanted is not Format.YOLO or not names:
        return bool(names)
    words = _first_words(contents, names)
    return len(words) < kitti.LEAST or _is_number(words[0])


def coco_files(contents: Contents, split: Split | None) -> dict[Split, Path]:
    """COCO's file for a split, or, where the place is that of all, for each split that has one."""
    if contents.place.given.file:
        return {split or Split.TRAIN: Path(contents.place.given.file)}
    files = contents.ending(ENDINGS[Format.COCO]).names
    beside = [name for name in files if name.rpartition("/")[2] == ROBOFLOW]
    named = {each: [name for name in files if split_of(Path(name).stem) is each] for each in Split}
    if split is not None:
        others = [name for name in files if split_of(Path(name).stem) is None]
        found = {split: _one(contents, split, beside or named[split] or others)}
    elif any(named.values()):
        found = {each: _one(contents, each, names) for each, names in named.items()}
    else:
        found = {Split.TRAIN: _one(contents, Split.TRAIN, files)}
    return {each: Path(contents.labels.path(name)) for each, name in found.items() if name}


def _one(contents: Contents, split: Split, names: Sequence[str]) -> str:
    """The file that is meant, of COCO's own the one with instances; empty if there is none."""
    chosen = [name for name in names if "instances" in name.lower()] or names
    if len(chosen) > 1:
        raise InputError(
            f"Several files may be meant for {SHOWN[split]}: {', '.join(escape(name) for name in chosen[:5])}",
            field=contents.place.given.fields[2], file=escape(contents.labels.root), hint="Name the one that is meant.",
        )  # fmt: skip
    return chosen[0] if chosen else ""


def _of_text(contents: Contents, names: Sequence[str]) -> Format:
    """KITTI's lines start with the name of a class, YOLO's with its number. Empty files tell it by what is beside."""
    words = _first_words(contents, names)
    if words:
        return Format.YOLO if _is_number(words[0]) else Format.KITTI
    return Format.YOLO if contents.place.names else Format.KITTI


def _first_words(contents: Contents, names: Sequence[str]) -> list[bytes]:
    """Those of the first line that there is in any of the first files."""
    for name in names[:LOOKED_AT]:
        try:
            words = read_file(contents.labels.path(name)).strip().split(b"\n", 1)[0].split()
        except ImageError:  # told when it is read
            continue
        if words:
            return words
    return []


def _is_number(word: bytes) -> bool:
    return word.replace(b".", b"").isdigit()


def about(error: InputError, file: Path, contents: Contents) -> InputError:
    """An error of a file that is for all pictures, of the field that names it."""
    problem = error.problem
    return InputError(
        f"{escape(file.name)}: {problem.message}", field=contents.place.given.fields[2], file=escape(str(file)),
        line=problem.line, hint=problem.hint,
    )  # fmt: skip
