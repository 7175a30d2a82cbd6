"""What is asked for a segmentation dataset: DIGITS' fields, outlines in place of labels, and what 0 and 255 mean."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradus.builtin.paired_options import PairedFields
from gradus.core.dataset import Source
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions

SECTION = "Labels"
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


class SegmentationOptions(PairedFields, LabelFields, GenericOptions):
    """What is asked for."""

    type: Annotated[Literal["image-segmentation"], Shown(hidden=True)] = "image-segmentation"

    @model_validator(mode="after")
    def _labelled_once(self) -> SegmentationOptions:
        if self.annotations_file and self.label_folder:
            raise ValueError("Label image folder and COCO annotations cannot both be given")
        if self.annotations_file and (self.class_labels_file or self.colormap_text_file):
            raise ValueError("COCO annotations name their classes: Class labels and Color map file must be empty")
        return self
