"""Samples as people see them: features as pictures, labels as boxes, masks, pictures, numbers, classes or text.

The arrays of a sample that a kind of data has just made and those that `decode_record` reads from a database are shown
alike. A page draws what is said here over or beside the feature: boxes from `LabelView.boxes`, a mask or picture from
the PNG of `label_png`, whose address goes into `LabelView.source`.

    view = label_view(facts.presentation, label, facts.labels, facts.palette, facts.user, feature=feature)
    png = label_png(facts.presentation, label, facts.palette)
"""

from __future__ import annotations

import colorsys
import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import JsonValue

from gradus.core.generic import DONT_CARE, Presentation
from gradus.core.view.sample import BoxView, LabelView, MarkedClass
from gradus.data.arrays import decode_record
from gradus.data.explore import as_picture
from gradus.data.png import encode_png
from gradus.data.text import Alphabet
from gradus.plugins.data import Array

Shown = Array | bytes | int | None
COLUMNS = 16  # of DIGITS' rows: left, top, width, height, alpha, class, ...
CLASS_COLUMN = 5
MOST_BOXES, MOST_VALUES = 1000, 100
NOTHING = "#000000"  # the colour of what is left clear in a mask
GOLDEN_ANGLE = 137.508 / 360  # turns the hue so that neighbouring classes differ
BASE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442",  # Okabe and Ito's
    # each the farthest from all before it, for people who see red or green and for those who do not
    "#0000ff", "#6969ff", "#00ff96", "#692d0f", "#780069", "#e1004b", "#4b00b4", "#87003c", "#7896ff", "#f0b4b4",
    "#e1965a", "#3c2d96", "#4be1f0", "#b4ff78", "#785a78", "#963c00", "#693cff",
)  # fmt: skip


def colour_of(number: int, palette: Sequence[str] = ()) -> str:
    """The colour of a class: that of the palette, or one of its own."""
    if number < len(palette):
        return palette[number]
    if number < len(BASE):
        return BASE[number]
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN_ANGLE % 1, 0.7, 0.85)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def label_view(
    presentation: Presentation,
    label: Shown,
    labels: Sequence[str],
    palette: Sequence[str] = (),
    user: Mapping[str, JsonValue] | None = None,
    *,
    feature: Shown = None,
    ignored: int | None = None,
) -> LabelView:
    """A label in words and numbers. `feature` is needed for text only, whose alphabet `user` holds.

    A label that does not have the form of its presentation is shown as its numbers. These have the names of `targets`
    in `user`.
    """
    values = _values(label)
    view = LabelView(presentation=presentation)
    if presentation is Presentation.TEXT:
        return view.model_copy(update=_text(feature, values, labels, palette, user or {}))
    if values is None or presentation is Presentation.NONE:
        return view
    if presentation is Presentation.BOXES and values.ndim >= 2 and values.shape[-1] == COLUMNS:
        return view.model_copy(update={"boxes": _boxes(values, labels, palette, ignored)})
    if presentation is Presentation.MASK and values.ndim == 2:
        height, width = values.shape
        marked = _marked(values, labels, palette, ignored)
        return view.model_copy(update={"classes": marked, "width": width, "height": height})
    if presentation is Presentation.PICTURE:
        height, width = as_picture(values).shape[:2]
        return view.model_copy(update={"width": width, "height": height})
    flat = values.reshape(-1)
    if presentation is Presentation.CLASSES:
        there = [_class(int(number), labels, palette) for number in np.flatnonzero(flat)[:MOST_VALUES]]
        return view.model_copy(update={"classes": there})
    shown = [float(value) for value in flat[:MOST_VALUES]]
    return view.model_copy(update={"values": shown, "names": _names(user or {}, flat.size), "count": flat.size})


def label_png(
    presentation: Presentation, label: Shown, palette: Sequence[str] = (), *, ignored: int | None = None, side: int = 0
) -> bytes | None:
    """A mask in the colours of its classes, clear where none counts; or a label that is a picture. None for others.

    Sides are at most `side` if that is given.
    """
    values = _values(label)
    if values is None:
        return None
    if presentation is Presentation.PICTURE:
        return encode_png(_smaller(as_picture(values), side))
    if presentation is not Presentation.MASK or values.ndim != 2 or values.dtype != np.uint8:
        return None
    colours = [colour_of(number, palette) for number in range(256)]
    image = Image.fromarray(np.asarray(values, np.uint8))
    if side and max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.NEAREST)
    image.putpalette(bytes.fromhex("".join(colour.removeprefix("#") for colour in colours)))
    clear = bytes(0 if number == ignored or colour == NOTHING else 255 for number, colour in enumerate(colours))
    written = io.BytesIO()
    image.save(written, "PNG", transparency=clear)
    return written.getvalue()


def feature_png(feature: Shown, *, side: int = 0) -> bytes | None:
    """A feature as a picture: itself, or its planes below each other. Sides are at most `side` if that is given."""
    values = _values(feature)
    return None if values is None else encode_png(_smaller(as_picture(values), side))


def size_of(feature: Shown) -> tuple[int, int]:
    """Width and height of the picture that `feature_png` gives, before it is made smaller; 0 and 0 of nothing."""
    values = _values(feature)
    if values is None:
        return 0, 0
    height, width = as_picture(values).shape[:2]
    return width, height


def _values(given: Shown) -> Array | None:
    """The array of a feature or label, however it comes."""
    if given is None:
        return None
    if isinstance(given, bytes):
        return decode_record(given)
    if isinstance(given, int):
        return np.array([given], np.float32)
    return given


def _boxes(values: Array, labels: Sequence[str], palette: Sequence[str], ignored: int | None) -> list[BoxView]:
    """Row 0 tells how many rows follow; what is after these only fills the array."""
    rows = values.reshape(-1, COLUMNS)
    count = min(int(rows[0, 0]), len(rows) - 1, MOST_BOXES)
    boxes = []
    for row in rows[1 : 1 + max(0, count)]:
        left, top, width, height = (float(value) for value in row[:4])
        number = int(row[CLASS_COLUMN])
        marked = _class(number, labels, palette)
        counted = number != ignored and marked.name.replace(" ", "").lower() != DONT_CARE
        boxes.append(
            BoxView(
                left=left, top=top, width=width, height=height, number=number, name=marked.name, colour=marked.colour,
                counted=counted,
            )
        )  # fmt: skip
    return boxes


def _marked(values: Array, labels: Sequence[str], palette: Sequence[str], ignored: int | None) -> list[MarkedClass]:
    """The classes of a mask, the largest first, with their shares of the pixels that count."""
    numbers, counts = np.unique(values, return_counts=True)
    pixels = {int(number): int(count) for number, count in zip(numbers, counts, strict=True) if number != ignored}
    total = sum(pixels.values()) or 1
    return [
        _class(number, labels, palette).model_copy(update={"share": count / total})
        for number, count in sorted(pixels.items(), key=lambda pair: -pair[1])
    ]


def _text(
    feature: Shown, values: Array | None, labels: Sequence[str], palette: Sequence[str], user: Mapping[str, JsonValue]
) -> dict[str, object]:
    numbers, alphabet = _values(feature), user.get("alphabet")
    text = (
        Alphabet(alphabet).decode(np.asarray(numbers, np.int64))
        if isinstance(alphabet, str) and numbers is not None
        else ""
    )
    there = [] if values is None else [_class(int(values.reshape(-1)[0]), labels, palette)]
    return {"text": text, "classes": there}


def _names(user: Mapping[str, JsonValue], count: int) -> list[str]:
    """What the values of a vector are called, where its kind says so: `targets` is a list of objects with a `name`."""
    targets = user.get("targets")
    named = [each for each in targets if isinstance(each, dict)] if isinstance(targets, list) else []
    return [str(each.get("name", "")) for each in named[:MOST_VALUES]] if len(named) == count else []


def _class(number: int, labels: Sequence[str], palette: Sequence[str]) -> MarkedClass:
    name = labels[number] if 0 <= number < len(labels) else f"class {number}"
    return MarkedClass(number=number, name=name, colour=colour_of(max(0, number), palette))


def _smaller(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width, channels = pixels.shape
    if not side or max(height, width) <= side:
        return pixels
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    image.thumbnail((side, side))
    return np.asarray(image).reshape(image.height, image.width, channels)
