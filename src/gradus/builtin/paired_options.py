"""What segmentation and image processing both ask for: pictures with label pictures, in pairs of folders."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradus.core.dataset import Percent, ResizeMode, Side, Source
from gradus.core.form import Shown

IMAGES, SPLIT, SIZE = "Images", "Validation and testing", "Size"
TOGETHER = "Keep together"
GROUPED = "Images in whose names its first bracket finds the same stay together. A folder each: (.*)/"
RESIZED = "In pixels. Both empty: as the images are, which must then be of one size."
APART, SHARED = ("has_val_folder", "true"), ("has_val_folder", "false")
RESIZE_MODES = {"squash": "Squash", "crop": "Crop", "fill": "Fill", "half_crop": "Half crop, half fill"}


class Conversion(StrEnum):
    """What becomes of the colours of features (DIGITS' three)."""

    NONE = "none"
    RGB = "RGB"
    GRAY = "L"


CONVERSIONS = {"none": "None", "RGB": "RGB", "L": "Grayscale"}


class PairedFields(BaseModel):
    """DIGITS' fields for pictures with label pictures; a size and a share for testing are ours.

    Not options by themselves: they come first in the forms of those that have them.
    """

    model_config = ConfigDict(frozen=True)

    feature_folder: Annotated[Source, Shown(section=IMAGES, path="folder")] = Field(
        min_length=1, title="Feature image folder", description="A folder of images, at any depth."
    )
    label_folder: Annotated[Source, Shown(section=IMAGES, path="folder")] = Field(
        "", title="Label image folder", description="A label image for each, of the same name but for the ending."
    )
    channel_conversion: Annotated[Conversion, Shown(section=IMAGES, words=CONVERSIONS)] = Field(
        Conversion.NONE, title="Channel conversion", description="What becomes of the images' colours."
    )
    width: Annotated[Side | None, Shown(section=SIZE, unit="px", placeholder="as it is")] = Field(
        None, title="Resize width", description=RESIZED
    )
    height: Annotated[Side | None, Shown(section=SIZE, unit="px", placeholder="as it is")] = Field(
        None, title="Resize height", description=RESIZED
    )
    resize_mode: Annotated[ResizeMode, Shown(section=SIZE, words=RESIZE_MODES)] = Field(
        ResizeMode.SQUASH, title="Resize transformation", description="How images of another shape are made to fit."
    )
    has_val_folder: Annotated[bool, Shown(section=SPLIT)] = Field(
        False, title="Separate validation images", description="In folders of their own."
    )
    folder_pct_val: Annotated[Percent, Shown(section=SPLIT, unit="%", when=SHARED)] = Field(
        10, title="% for validation", description="Chosen at random, held back to measure the model while it trains."
    )
    validation_feature_folder: Annotated[Source, Shown(section=SPLIT, path="folder", when=APART)] = Field(
        "", title="Validation feature image folder", description="A folder of images."
    )
    validation_label_folder: Annotated[Source, Shown(section=SPLIT, path="folder", when=APART)] = Field(
        "", title="Validation label image folder", description="A label image for each of them."
    )
    folder_pct_test: Annotated[Percent, Shown(section=SPLIT, unit="%")] = Field(
        0, title="% for testing", description="Chosen at random, kept for a final test."
    )
    group_expression: Annotated[str, Shown(section=SPLIT, fold=TOGETHER, placeholder="video([0-9]+)")] = Field(
        "", max_length=500, title="Expression", description=GROUPED
    )

    @model_validator(mode="after")
    def _paired(self) -> PairedFields:
        if (self.width is None) != (self.height is None):
            raise ValueError("Resize width and Resize height go together: give both or none")
        if not self.has_val_folder and self.folder_pct_val + self.folder_pct_test > 100:
            raise ValueError("% for validation and % for testing together are more than 100")
        return self
