"""The samples of an object detection dataset: found with their classes and divided, then decoded and padded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from pydantic import JsonValue

from gradus.builtin.detection_canvas import Size, canvas_of, fitted
from gradus.builtin.detection_labels import (
    Classes,
    custom_classes,
    found_classes,
    kitti_classes,
    label,
    number_of,
)
from gradus.builtin.detection_options import DetectionOptions, Padding, WantedFormat
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.core.generic import DONT_CARE
from gradus.data.annotations.read import Pictured, Reading, read
from gradus.data.annotations.recognise import Format
from gradus.data.grouping import by_expression
from gradus.data.lists import escape
from gradus.data.masks.palette import palette_of
from gradus.data.pictures import decode, read_file
from gradus.data.readers.folder import SHOWN
from gradus.data.shares import divide
from gradus.plugins.data import Decoder, Entry, Sample, Scan, Watch

NAMED = 5  # unknown classes that a warning names


@dataclass(frozen=True, slots=True)
class Marked:
    """The source of an entry."""

    picture: Pictured
    split: Split
    most: int  # boxes in a picture of its split


class Facts(TypedDict):
    """What is kept with the dataset. `classes` are in lower case; `canvas` is what pictures are padded to."""

    format: str
    recognised: str
    classes: dict[str, int]
    canvas: list[int] | None


def scan(options: DetectionOptions, watch: Watch) -> Scan:
    """Read all annotations, find the classes and divide the pictures."""
    wanted = None if options.format is WantedFormat.AUTO else Format(options.format)
    reading = read(options.given, wanted, watch)
    classes = _classes(options, reading)
    splits = _divided(reading, options)
    canvas = canvas_of(options, reading.format, [each for own in splits.values() for each in own], watch)
    facts = Facts(
        format=reading.format.value,
        recognised=reading.warnings[0],
        classes=dict(classes.numbers),
        canvas=list(canvas) if canvas else None,
    )
    warnings = [*reading.warnings, *_canvas_told(options, reading.format, canvas)]
    return Scan(
        {split: _entries(own, split) for split, own in splits.items()},
        list(classes.names),
        palette_of(classes.names),
        ignored=0 if classes.names[0] == DONT_CARE else None,
        bad=reading.bad,
        warnings=warnings,
        user=cast(dict[str, JsonValue], facts),
    )


def prepare(options: DetectionOptions, scan: Scan) -> Decoder:
    """Decode and pad a picture, and put its boxes into DIGITS' array."""
    facts = cast(Facts, scan.user)
    classes, canvas = Classes(scan.labels, facts["classes"]), facts["canvas"]
    size = (canvas[0], canvas[1]) if canvas else None

    def to_sample(entry: Entry) -> Sample:
        marked: Marked = entry.source
        picture = decode(read_file(marked.picture.path))
        found = fitted(picture.pixels, size, options.target, options.channel_conversion)
        inside = marked.picture.boxes.within(*picture.size)
        own = [number_of(box, classes, marked.split, options.val_min_box_size) for box in inside.boxes]
        rows = label(inside.boxes, own, found.scale, marked.most)
        return Sample(found.pixels, rows, inside.remarks, Counter(own), picture.size)

    return to_sample


def _classes(options: DetectionOptions, reading: Reading) -> Classes:
    """The classes; warns of boxes that are of no class. `InputError` if no box for training is of one."""
    counts = reading.counts[Split.TRAIN]
    if options.classes:
        classes = custom_classes(options.classes)
        if classes.names[0] != DONT_CARE:
            reading.warnings.append(f"Class 0 is “{escape(classes.names[0])}”: all other classes are taken for it too")
    elif reading.format is Format.KITTI:
        classes = kitti_classes()
    else:
        classes = found_classes(counts, reading.names)
    for split, own in reading.counts.items():
        if unknown := classes.unknown(own):
            named = ", ".join(f"{name} ({times:,})" for name, times in Counter(unknown).most_common(NAMED))
            more = ", …" if len(unknown) > NAMED else ""
            reading.warnings.append(f"Classes of {SHOWN[split]} that are not among those learned: {named}{more}")
    if not any(classes.number(name) or name.lower() == classes.names[0] != DONT_CARE for name in counts):
        there = f"the boxes are of {', '.join(sorted(counts)[:NAMED])}" if counts else "there are no boxes"
        there += "".join(f". {bad.file}: {bad.reason}" for bad in reading.bad[:1])
        raise InputError(
            f"No box for training is of a class that is to be learned: {there}",
            field="custom_classes" if options.classes else "train_label_folder",
            hint="Name the classes in “Custom classes”, dontcare first, or give other labels.",
        )
    return classes


def _divided(reading: Reading, options: DetectionOptions) -> dict[Split, Sequence[Pictured]]:
    """The pictures of each split: shares of those for training where there are no others."""
    splits: dict[Split, Sequence[Pictured]] = {split: reading.splits.get(split, []) for split in Split}
    shares = {split: 0.0 if splits[split] else options.percent(split) for split in (Split.VAL, Split.TEST)}
    pictures = splits[Split.TRAIN]
    if not any(shares.values()):
        return splits
    key = by_expression(options.group_expression) if options.group_expression else None
    taken = divide([each.path for each in pictures], shares, options.seed, key)
    for split, places in taken.items():
        if split is Split.TRAIN or shares[split]:
            splits[split] = [pictures[place] for place in sorted(places)]
    return splits


def _entries(pictures: Sequence[Pictured], split: Split) -> list[Entry]:
    most = max((each.count for each in pictures), default=0)
    return [Entry(each.name, Marked(each, split, most)) for each in pictures]


def _canvas_told(options: DetectionOptions, kind: Format, canvas: Size | None) -> list[str]:
    """What is done to pictures without being asked for."""
    if canvas is None or options.padding is not Padding.AUTO:
        return []
    why = "as DIGITS does with KITTI" if kind is Format.KITTI else "the largest width and height, as they differ"
    return [f"Pictures are padded to {canvas[0]} x {canvas[1]} pixels, {why}"]
