"""COCO's JSON: one file for all pictures, boxes as left, top, width and height in pixels.

`iscrowd` marks a box around many; key points are dropped while the file is read, so that they never are in memory
all at once, and so are outlines where only boxes are wanted. Outlines are kept as the text that they were, which takes
a quarter of the room. A picture without annotations has no objects. What refers to nothing is listed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradus.core.errors import InputError
from gradus.data.annotations.boxes import Box, Boxes, class_name, shown
from gradus.data.readers.folder import EVERY, Watcher

MAX_BYTES = 512 * 2**20  # COCO's own, of 118,000 pictures, has 448 MiB
MOST_LISTED = 1000  # of what refers to nothing
KEPT = (
    "images", "annotations", "categories", "id", "file_name", "width", "height", "name", "image_id", "category_id",
    "bbox", "area", "iscrowd",
)  # fmt: skip

OUTLINE = "segmentation"
OUTLINES = (*KEPT, OUTLINE, "counts", "size")

Key = int | str
Item = Mapping[str, Any]


@dataclass(slots=True)
class Coco:
    """What a file holds. `names` are those of its categories, in its order; `lost` is (what, why) of no picture."""

    pictures: list[Boxes] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    unlisted: int = 0  # more of them than are listed

    def lose(self, what: str, reason: str) -> None:
        """Note what cannot be given to a picture."""
        if len(self.lost) < MOST_LISTED:
            self.lost.append((what, reason))
        else:
            self.unlisted += 1


class _Trim:
    """Keeps what is wanted of each object as it is read, and lets the reading be stopped."""

    def __init__(self, kept: Sequence[str], watch: Watcher) -> None:
        self.kept, self.watch = kept, watch
        self.objects = self.pictures = 0

    def __call__(self, each: dict[str, Any]) -> dict[str, Any]:
        self.objects += 1
        self.pictures += "file_name" in each
        if self.objects % EVERY == 0:
            self.watch(self.pictures)
        item = {name: each[name] for name in self.kept if name in each}
        if OUTLINE in item:
            item[OUTLINE] = json.dumps(item[OUTLINE])
        return item


def load(data: bytes, outlines: bool = False, watch: Watcher = lambda _: None) -> dict[str, list[Item]]:
    """The three lists of a file, their objects with what is wanted of them. `InputError` if it is no COCO file.

    `watch` is told how many pictures there are so far.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 2**20} MiB")
    try:
        found: Any = json.loads(data, object_hook=_Trim(OUTLINES if outlines else KEPT, watch))
    except json.JSONDecodeError as error:
        raise InputError(f"no JSON: {error.msg}", line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise InputError("no JSON: it is no text, nests too deeply or has a number without end") from error
    lists: dict[str, Any] = {name: found.get(name, []) for name in KEPT[:3]} if isinstance(found, dict) else {}
    if not lists.get("images") or not all(isinstance(each, list) for each in lists.values()):
        raise InputError(
            "no COCO file: it needs the lists images, annotations and categories",
            hint="Give the file with the instances, not that with captions or results.",
        )
    return lists


def parse(data: bytes, outlines: bool = False, watch: Watcher = lambda _: None) -> Coco:
    """The boxes of every picture. `InputError` where the file as a whole cannot be read."""
    lists = load(data, outlines, watch)
    found = Coco()
    classes = _classes(lists["categories"], found)
    pictures = _pictures(lists["images"], found)
    seen: set[Key] = set()
    for place, item in enumerate(lists["annotations"], 1):
        if place % EVERY == 0:
            watch(len(pictures))
        where = f"annotation {place:,}"
        if not isinstance(item, dict):
            found.lose(where, "no object")
            continue
        key = _key(item.get("id"))
        where = where if key is None else f"annotation {shown(str(key))}"
        picture = pictures.get(image) if (image := _key(item.get("image_id"))) is not None else None
        if picture is None:
            found.lose(where, f"there is no picture with the id {shown(str(item.get('image_id')))}")
        elif key in seen:
            picture.remarks.append(f"{where}: its id is taken already; it is left out")
        elif "bbox" in item:
            _take(item, where, classes, picture)
        if key is not None:
            seen.add(key)
    return found


def _take(item: Item, where: str, classes: Mapping[Key, str], picture: Boxes) -> None:
    category = _key(item.get("category_id"))
    name = classes.get(category) if category is not None else None
    sides = item["bbox"]
    if name is None:
        reason = f"there is no category with the id {shown(str(item.get('category_id')))}"
        picture.remarks.append(f"{where}: {reason}; it is left out")
    elif not isinstance(sides, list) or len(sides) != 4:
        picture.remarks.append(f"{where}: its bbox is not four numbers; it is left out")
    else:
        left, top, width, height = (_number(side) for side in sides)
        area = _number(item.get("area"))
        crowd, outline = item.get("iscrowd") in (1, True), item.get(OUTLINE, "")
        right, bottom = left + width, top + height
        picture.add(Box(name, left, top, right, bottom, where, crowd=crowd, area=area, outline=outline))


def _classes(categories: Sequence[object], found: Coco) -> dict[Key, str]:
    classes: dict[Key, str] = {}
    for place, item in enumerate(categories, 1):
        key = _key(item.get("id")) if isinstance(item, dict) else None
        if key is None or not isinstance(item, dict):
            found.lose(f"category {place:,}", "it has no id")
        elif key in classes:
            found.lose(f"category {place:,}", f"its id {shown(str(key))} is taken already")
        else:
            name = item.get("name")
            classes[key] = class_name(name) if isinstance(name, str) else ""
    found.names = list(dict.fromkeys(name for name in classes.values() if name))
    return classes


def _pictures(images: Sequence[object], found: Coco) -> dict[Key, Boxes]:
    pictures: dict[Key, Boxes] = {}
    for place, item in enumerate(images, 1):
        key = _key(item.get("id")) if isinstance(item, dict) else None
        if key is None or not isinstance(item, dict):
            found.lose(f"image {place:,}", "it has no id")
        elif not isinstance(name := item.get("file_name"), str) or not name:
            found.lose(f"image {shown(str(key))}", "it has no file_name")
        elif key in pictures:
            found.lose(f"image {shown(str(key))}", "its id is taken already")
        else:
            size = item.get("width"), item.get("height")
            stated = size if all(type(side) is int and 0 < side < 2**31 for side in size) else None
            pictures[key] = Boxes(picture=name, size=stated)  # type: ignore[arg-type]  # just checked
    found.pictures = list(pictures.values())
    return pictures


def _key(value: object) -> Key | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _number(value: object) -> float:
    """A number as a float; NaN for what is none."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    except OverflowError:
        return float("nan")
