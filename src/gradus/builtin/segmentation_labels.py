"""What segmentation asks about its labels, and what it finds out about them before they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradus.core.dataset import Source
from gradus.core.errors import InputError
from gradus.core.form import Shown
from gradus.data.masks.coding import Coding, listed
from gradus.data.masks.colour_map import colour_text, read_colour_map
from gradus.data.masks.palette import palette_of
from gradus.data.masks.resize import IGNORED
from gradus.data.masks.survey import Survey, survey
from gradus.data.readers.textfile import read_labels
from gradus.plugins.data import Watch

SECTION = "Labels"
LOOKED_AT = 64  # label pictures, where the names of the classes are known
BLACK_AND_WHITE = ("black", "white")  # names of classes
COPIED = 20  # colours in a hint
NUMBERS = r"^\s*(\d{1,3}\s*(,\s*\d{1,3}\s*)*)?$"


class Colormap(StrEnum):
    """Where the colours of classes come from (DIGITS' two)."""

    LABEL = "label"  # the palette of the label pictures
    TEXTFILE = "textfile"


class Binary(StrEnum):
    """Whether 0 and 255 are two classes."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


COLORMAPS = {"label": "From label image", "textfile": "From text file"}
BINARY = {
    "auto": "If all labels are black and white",
    "yes": "Always: dark is class 0, light is class 1",
    "no": "Never: 255 is ignored",
}


class LabelFields(BaseModel):
    """DIGITS' fields for the labels of a segmentation, and what 0 and 255 mean."""

    model_config = ConfigDict(frozen=True)

    class_labels_file: Annotated[Source, Shown(section=SECTION, path="file", send=True)] = Field(
        "", title="Class labels (optional)", description="A text file with the name of class 0 on line 1."
    )
    annotations_file: Annotated[Source, Shown(section=SECTION, path="file", fold="Outlines instead")] = Field(
        "", title="COCO annotations (.json)", description="Their outlines, in place of a label image folder."
    )
    validation_annotations_file: Annotated[
        Source, Shown(section=SECTION, path="file", fold="Outlines instead", when=("has_val_folder", "true"))
    ] = Field("", title="Validation COCO annotations", description="For separate validation images.")
    colormap_method: Annotated[Colormap, Shown(section=SECTION, words=COLORMAPS)] = Field(
        Colormap.LABEL, title="Color map specification", description="RGB label images need a text file."
    )
    colormap_text_file: Annotated[
        Source, Shown(section=SECTION, path="file", send=True, when=("colormap_method", "textfile"))
    ] = Field("", title="Color map file", description="A line `R G B` for each class, and its name if wanted.")
    binary: Annotated[Binary, Shown(section=SECTION, fold="More", words=BINARY)] = Field(
        Binary.AUTO, title="Black and white are two classes", description="Labels with 0 and 255 instead of 0 and 1."
    )

    ignored_numbers: Annotated[str, Shown(section=SECTION, fold="More", placeholder="255")] = Field(
        "", max_length=1000, pattern=NUMBERS, title="Numbers that are ignored",
        description="Parted by commas, besides 255: what is unlabelled, and is not learned.",
    )  # fmt: skip

    @property
    def ignored(self) -> frozenset[int]:
        """The numbers that count for no class."""
        return frozenset(int(number) for number in self.ignored_numbers.split(",") if number.strip())

    @model_validator(mode="after")
    def _mapped(self) -> LabelFields:
        if self.colormap_method is Colormap.TEXTFILE and not self.colormap_text_file:
            raise ValueError("Color map file must be given where the color map comes from a text file")
        return self


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
