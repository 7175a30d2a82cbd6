"""What segmentation and image processing have in common: pictures with label pictures, in pairs of folders."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradus.core.dataset import Percent, ResizeMode, Side, Source, Split
from gradus.core.errors import InputError
from gradus.core.form import Shown
from gradus.data.grouping import by_expression
from gradus.data.pairs import Fields, Pair, pair_folders
from gradus.data.pictures import decode, read_file
from gradus.data.resize import fit, geometry
from gradus.data.shares import divide
from gradus.plugins.data import Watch


class Called(Protocol):
    """What has a name, by which it may belong to others."""

    @property
    def name(self) -> str:
        """Its name."""


P = TypeVar("P", bound=Called)

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


class Picture(NamedTuple):
    """A feature: uint8 (height, width) gray or (height, width, 3) RGB; the (width, height) that its file has."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]


def read_feature(path: str, options: PairedFields, conversion: Conversion) -> Picture:
    """The picture of a file at the size of the dataset. `ImageError` says why there is none."""
    target = None if options.width is None or options.height is None else (options.width, options.height)
    mode = options.resize_mode
    least = None if target is None else lambda width, height: geometry(width, height, target, mode).scaled
    picture = decode(read_file(path), least)
    channels = {Conversion.RGB: 3, Conversion.GRAY: 1}.get(conversion, 3 if picture.pixels.ndim == 3 else 1)
    width, height = target or picture.size
    pixels = fit(picture.pixels, width, height, channels, mode, source=picture.size)
    return Picture(pixels[..., 0] if channels == 1 else pixels, picture.size)


def paired(options: PairedFields, seed: int, watch: Watch) -> tuple[dict[Split, list[Pair]], list[str]]:
    """The pairs of the folders in their splits, and warnings."""
    given = Fields("feature_folder", "label_folder")
    required(options.label_folder, given.labels, "Give the folder of the label images.")
    train = pair_folders(options.feature_folder, options.label_folder, given, watch)
    apart, more = separate(options, watch) if options.has_val_folder else (None, [])
    return divided(train.found, apart, options, seed), [*train.warnings, *more]


def separate(options: PairedFields, watch: Watch) -> tuple[list[Pair], list[str]]:
    """The pairs of the validation folders, and warnings."""
    given = Fields("validation_feature_folder", "validation_label_folder")
    folders = options.validation_feature_folder, options.validation_label_folder
    for named, folder in zip(given, folders, strict=True):
        required(folder, named, "Separate validation images need a folder, or none with % for validation.")
    found = pair_folders(*folders, given, watch, prefix=f"{folders[0].rstrip('/')}/")
    return found.found, found.warnings


def divided(found: Sequence[P], apart: Sequence[P] | None, options: PairedFields, seed: int) -> dict[Split, list[P]]:
    """What is in each split: shares by chance, but for validation samples `apart`."""
    key = by_expression(options.group_expression) if options.group_expression else None
    shares = {Split.VAL: 0 if apart is not None else options.folder_pct_val, Split.TEST: options.folder_pct_test}
    places = divide([each.name for each in found], shares, seed, key)
    splits = {split: [found[place] for place in part] for split, part in places.items()}
    return splits if apart is None else {**splits, Split.VAL: list(apart)}


def required(folder: str, named: str, hint: str) -> None:
    """`InputError` where a field that is needed here is empty."""
    if not folder:
        raise InputError("must not be empty", field=named, hint=hint)
