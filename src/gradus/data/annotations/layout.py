"""Where the pictures and the labels of a dataset lie: in the folders that are named, or in those that tools make.

    root/{train,valid,test}/           each with pictures and labels as below (Roboflow, DIGITS' KITTI script)
    root/images/{train,val}/           and labels/{train,val}/ (YOLO), or annotations/*.json (COCO)
    root/JPEGImages, Annotations       Pascal VOC, the splits in ImageSets/Main/{train,val,test}.txt
    root/image_2, label_2              KITTI, also below training/
    root/                              pictures and labels side by side

Nothing outside the folders that are named is looked at.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from gradus.core.dataset import Split
from gradus.data.readers.folder import SPLITS

PICTURES = ("images", "JPEGImages", "image_2", "training/image_2")
LABELS = ("Annotations", "annotations", "labels", "label_2", "training/label_2")
NAMES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "labels/classes.txt")
LISTS = "ImageSets/Main"
_YEAR = re.compile(r"[-_]?\d{4}$")  # train2017


@dataclass(frozen=True, slots=True)
class Given:
    """What a form names for one split: folders, and a file that annotates all pictures or names the classes.

    `fields` are the form's names of the three, for errors; `outlines` says that those of COCO are wanted.
    """

    pictures: str
    labels: str = ""
    file: str = ""
    fields: tuple[str, str, str] = ("train_image_folder", "train_label_folder", "annotations")
    outlines: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one split, of which the second may be a file; both may be the same."""

    given: Given
    pictures: Path
    labels: Path

    @property
    def names(self) -> Path | None:
        """YOLO's file with the names of the classes: the one that the form names, or one of the usual names."""
        if self.given.file:
            return Path(self.given.file)
        folders = (self.labels, self.pictures, Path(self.given.pictures))
        files = ((folder / name, folder) for folder in folders for name in NAMES)
        return next((file for file, folder in files if _is_file(file, folder)), None)

    @property
    def lists(self) -> Path | None:
        """Pascal VOC's folder of lists."""
        folder = Path(self.given.pictures, LISTS)
        return folder if _is_folder(folder, Path(self.given.pictures)) else None


def places(given: Given) -> dict[Split, Place]:
    """The place of each split that the layout tells apart; only that of training if it tells none."""
    top = Path(given.pictures)
    if given.file.lower().endswith(".json"):  # names its pictures itself
        return {Split.TRAIN: Place(given, top, top)}
    if given.labels:
        pictures, labels = top, Path(given.labels)
    elif parts := _parts(top):
        found = {split: (top / name, _labels(top / name, top)) for split, name in parts.items()}
        return {split: Place(given, _pictures(inner), labels) for split, (inner, labels) in found.items()}
    else:
        pictures, labels = _pictures(top), _labels(top, top)
    if parts := _parts(pictures):
        return {
            split: Place(given, pictures / name, labels / name if _is_folder(labels / name, labels) else labels)
            for split, name in parts.items()
        }
    return {Split.TRAIN: Place(given, pictures, labels)}


def split_of(name: str) -> Split | None:
    """The split that a name stands for: `valid`, `val2017`, `instances_val2017`. `trainval` is for training."""
    words = re.split(r"[^a-z]+", name.lower())
    if "trainval" in words:
        return Split.TRAIN
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def _parts(folder: Path) -> dict[Split, str]:
    """The sub-folders for splits, if there is one for training among them."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if _is_folder(Path(entry.path), folder))
    except (OSError, ValueError):  # told when it is opened
        return {}
    found: dict[Split, str] = {}
    for name in names:
        split = SPLITS.get(_YEAR.sub("", name.lower()))
        if split is not None:
            found.setdefault(split, name)
    return found if Split.TRAIN in found else {}


def _pictures(folder: Path) -> Path:
    return next((folder / name for name in PICTURES if _is_folder(folder / name, folder)), folder)


def _labels(folder: Path, top: Path) -> Path:
    places = [above / name for above in dict.fromkeys((folder, top)) for name in LABELS]
    return next((place for place in places if _is_folder(place, top)), folder)


def _is_folder(path: Path, above: Path) -> bool:
    """Whether it is a folder that no link puts outside of another."""
    return os.path.isdir(path) and _is_inside(path, above)  # noqa: PTH112  (no error where it may not be looked)


def _is_file(path: Path, above: Path) -> bool:
    return os.path.isfile(path) and _is_inside(path, above)  # noqa: PTH113


def _is_inside(path: Path, above: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(above) + "/")
