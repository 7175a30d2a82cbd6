"""What segmentation finds out about its labels before they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gradus.builtin.segmentation_options import Binary, Colormap, LabelFields
from gradus.core.errors import InputError
from gradus.data.masks.coding import Coding, listed
from gradus.data.masks.colour_map import colour_text, read_colour_map
from gradus.data.masks.palette import palette_of
from gradus.data.masks.resize import IGNORED
from gradus.data.masks.survey import Survey, survey
from gradus.data.readers.textfile import read_labels
from gradus.plugins.data import Watch

LOOKED_AT = 64  # label pictures, where the names of the classes are known
BLACK_AND_WHITE = ("black", "white")  # names of classes
COPIED = 20  # colours in a hint


@dataclass(slots=True)
class Classes:
    """The classes of a dataset: class i has name `names[i]` and colour `palette[i]`; how label pictures are read."""

    names: list[str]
    palette: list[str]
    coding: Coding = field(default_factory=Coding)
    warnings: list[str] = field(default_factory=list)


def find_classes(options: LabelFields, files: Sequence[str], watch: Watch) -> Classes:
    """What the label pictures say together with what was asked. Without names all of them are looked at."""
    names = read_labels(Path(options.class_labels_file), "class_labels_file") if options.class_labels_file else []
    if options.colormap_method is Colormap.TEXTFILE:
        return _mapped(options, names)
    found = survey(files, lambda: watch(len(files)), LOOKED_AT if names else None)
    if found.coloured * 2 > found.read:
        raise _coloured(found)
    binary = options.binary is Binary.YES or (options.binary is Binary.AUTO and found.black_and_white)
    highest = max(found.numbers - options.ignored, default=-1)
    if not found.read or (highest < 0 and not binary):
        raise InputError("No label image can be read, or none has a class", field="label_folder")
    warnings = []
    if binary:
        warnings.append("The labels are read as two classes: 0 as class 0, 255 as class 1")
    elif not highest and found.white and not names:
        warnings.append("Only class 0 is in the labels; what is 255 counts for no class")
    coding = Coding(
        palette=found.palette,
        binary=binary,
        halves=options.binary is Binary.YES,
        ignored=frozenset() if binary else options.ignored,
        classes=len(names) or None,
    )
    if not names:
        names = list(BLACK_AND_WHITE) if binary else [f"class {number}" for number in range(min(highest, 254) + 1)]
    return Classes(names, palette_of(names, found.palette), coding, warnings)


def _mapped(options: LabelFields, names: list[str]) -> Classes:
    """With a colour map all is said: its colours are the classes."""
    colours = read_colour_map(Path(options.colormap_text_file), "colormap_text_file")
    count = len(colours.colours)
    if names and len(names) != count:
        raise InputError(
            f"There are {count:,} colours and {len(names):,} names of classes", field="class_labels_file",
            hint="Both files have a line for each class, in the same order.",
        )  # fmt: skip
    named = names or [name or f"class {number}" for number, name in enumerate(colours.names)]
    halves = options.binary is Binary.YES
    return Classes(
        named, palette_of(named, colours.colours), Coding(colours=colours, classes=count, binary=halves, halves=halves)
    )


def _coloured(found: Survey) -> InputError:
    colours = sorted(colour for colour, _ in found.colours.most_common(COPIED))
    lines = "; ".join(map(colour_text, colours)) + (" …" if len(found.colours) > COPIED else "")
    hint = f"Choose “From text file” and give one with a line for each class: {lines}"
    if len(found.colours) > IGNORED:
        hint = "So many colours are those of pictures: look whether the folder is that of the label images."
    return InputError(
        "The label images have colours, not numbers of classes, and no text file says which colour is which class. "
        f"Their colours: {listed(found.colours.most_common())}",
        field="colormap_method",
        hint=hint,
    )
