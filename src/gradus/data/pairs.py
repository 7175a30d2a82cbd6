"""Pictures and the label pictures that belong to them.

DIGITS' rule: two folders with as many files, whose names are the same but for the ending. Cityscapes' names go
together as well: `aachen_000000_000019_leftImg8bit.png` and `aachen_000000_000019_gtFine_labelIds.png`; of the
several pictures that it has for each label, only those of class numbers count. So do Pascal VOC's folders, in which
lists say which pictures have labels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.readers.folder import Watcher, all_pictures, links_left_out, open_folder
from gradus.data.readers.textfile import numbered_lines, opened

SHOWN = 3  # names in an error
VOC_IMAGES, VOC_LABELS, VOC_LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
_SUFFIX = re.compile(r"_(leftImg8bit|gt(Fine|Coarse)_label(Train)?Ids)$")
_NUMBERS = ("_labelIds", "_labelTrainIds")  # the first of which there are any


class Pair(NamedTuple):
    """The whole paths of a picture and its label picture, and the name under which the two are listed."""

    name: str
    image: str
    label: str


class Fields(NamedTuple):
    """The fields of the form that name the two folders."""

    images: str
    labels: str


class Pairs(NamedTuple):
    """All of one source, sorted by name, and what is to be told of it."""

    found: list[Pair]
    warnings: list[str]


def pair_folders(images: str, labels: str, fields: Fields, watch: Watcher, prefix: str = "") -> Pairs:
    """The pairs of two folders; their names begin with `prefix`. `InputError` names what lacks a partner."""
    walks = [open_folder(Path(folder), named, watch) for folder, named in zip((images, labels), fields, strict=True)]
    if walks[0].root == walks[1].root:
        raise InputError("is the folder of the images too", field=fields.labels, file=escape(labels))
    left, right = (_by_key(files, walk.named) for walk in walks for files in [_only_numbers(all_pictures(walk))])
    for found, walk in ((left, walks[0]), (right, walks[1])):
        if not found:
            raise InputError("There are no pictures in it", field=walk.named, file=escape(walk.root))
    _check(left, right, fields)
    pairs = [Pair(prefix + left[key], f"{walks[0].root}/{left[key]}", f"{walks[1].root}/{right[key]}") for key in left]
    return Pairs(pairs, [warning for walk in walks for warning in links_left_out(walk)])


def is_voc(folder: str) -> bool:
    """Whether a folder is laid out as Pascal VOC's: pictures, label pictures, and lists of those that have any."""
    return all((Path(folder) / part).is_dir() for part in (VOC_IMAGES, VOC_LABELS, VOC_LISTS))


def pair_voc(folder: str, field: str, watch: Watcher) -> tuple[dict[Split, list[Pair]], list[str]]:
    """The pairs that the lists `train.txt`, `val.txt` and `test.txt` of such a folder name, and warnings.

    `trainval.txt` is all for training where there is no `train.txt`.
    """
    walks = [open_folder(Path(folder) / part, field, watch) for part in (VOC_IMAGES, VOC_LABELS)]
    images, labels = (_by_key(all_pictures(walk), field) for walk in walks)
    found: dict[Split, list[Pair]] = {}
    warnings = [warning for walk in walks for warning in links_left_out(walk)]
    for split in Split:
        names = voc_list(Path(folder) / VOC_LISTS, split, field)
        both = [name for name in names if name in images and name in labels]
        if len(both) < len(names):
            lost = _shown([name for name in names if name not in images or name not in labels])
            warnings.append(f"Named for {split} but without picture or label, and left out: {lost}")
        found[split] = [
            Pair(images[name], f"{walks[0].root}/{images[name]}", f"{walks[1].root}/{labels[name]}") for name in both
        ]
    if not found[Split.TRAIN]:
        raise InputError(
            f"No picture that {VOC_LISTS}/train.txt names has a label", field=field, file=escape(folder),
            hint="A line of the list is the name of a picture without its ending.",
        )  # fmt: skip
    return found, warnings


def voc_list(folder: Path, split: Split, field: str) -> list[str]:
    """The bare names that Pascal VOC's list of a split has; `trainval.txt` is for training where `train.txt` is not."""
    names = ["train.txt", "trainval.txt"] if split is Split.TRAIN else [f"{split}.txt"]
    path = next((path for name in names if (path := folder / name).is_file()), None)
    if path is None:
        return []
    with opened(path, field) as file:
        lines = (os.fsdecode(line).split() for _, line in numbered_lines(file, path, field))
        return list(dict.fromkeys(words[0] for words in lines if words))


def _only_numbers(files: list[str]) -> list[str]:
    for suffix in _NUMBERS:
        if chosen := [file for file in files if _stem(file).endswith(suffix)]:
            return chosen
    return files


def _stem(file: str) -> str:
    return os.path.splitext(file)[0]  # noqa: PTH122  (a Path each is too slow)


def _by_key(files: Sequence[str], field: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        key = _SUFFIX.sub("", _stem(file))
        if key in found:
            raise InputError(
                f"{escape(found[key])} and {escape(file)} have the same name but for the ending", field=field,
                hint="Remove one of them: it could not be told which label belongs to which.",
            )  # fmt: skip
        found[key] = file
    return found


def _check(images: Mapping[str, str], labels: Mapping[str, str], fields: Fields) -> None:
    alone = [file for key, file in images.items() if key not in labels]
    lost = [file for key, file in labels.items() if key not in images]
    if not alone and not lost:
        return
    told = [f"no label for {_shown(alone)}"] * bool(alone) + [f"no image for {_shown(lost)}"] * bool(lost)
    raise InputError(
        f"There must be as many images as labels, of the same names: {len(images):,} images, {len(labels):,} labels; "
        + "; ".join(told),
        field=fields.labels,
        hint="An image and its label have the same name but for the ending, in folders of the same names.",
    )


def _shown(files: Sequence[str]) -> str:
    shown = ", ".join(escape(file) for file in files[:SHOWN])
    return shown + (f" and {len(files) - SHOWN:,} more" if len(files) > SHOWN else "")
