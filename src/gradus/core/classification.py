"""A classification dataset: what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from gradus.core.dataset import (
    Backend,
    Compression,
    DatasetOptions,
    Encoding,
    Least,
    Most,
    Percent,
    ResizeMode,
    Side,
    Source,
    Split,
)


class Method(StrEnum):
    """Where the pictures and their classes come from."""

    FOLDER = "folder"  # one sub-folder for each class
    TEXTFILE = "textfile"  # lists of `path label`
    ARCHIVE = "archive"  # a zip or tar of such a folder
    MANIFEST = "manifest"  # a table with a row for each picture


class GroupBy(StrEnum):
    """Which pictures belong together, so that all of them are in one split."""

    NONE = "none"
    FOLDER = "folder"  # those of one folder
    EXPRESSION = "expression"  # those in whose paths an expression finds the same
    COLUMN = "column"  # those of one group in a table


class ClassificationOptions(DatasetOptions):
    """A classification dataset from a folder with one sub-folder per class, or from text lists.

    The one description from which the form, the REST body, the command line's options and the job
    record are made. Titles are DIGITS' words; descriptions are shown as help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    type: Literal["classification"] = "classification"
    method: Method = Field(
        Method.FOLDER,
        title="Method",
        description="A folder for each class, lists of paths and numbers, an archive of folders, or a table.",
    )
    train: str = Field(
        min_length=1, max_length=4096, title="Training Images",
        description="A folder on this machine with a sub-folder of pictures for each class; or a list, archive, table.",
    )  # fmt: skip
    image_folder: Source = Field(
        "", title="Image folder (optional)", description="Where relative paths of the list start. Empty: beside it."
    )
    labels: Source = Field("", title="Labels", description="For lists: a text file, the name of class 0 on line 1.")
    shuffle: bool = Field(True, title="Shuffle lines", description="For lists: mix the training pictures.")
    validation_percent: Percent = Field(
        25, title="% for validation", description="Of each class, held back to measure the model while it trains."
    )
    test_percent: Percent = Field(0, title="% for testing", description="Of each class, kept for a final test.")
    minimum_per_class: Least = Field(
        2, title="Minimum samples per class", description="Classes with fewer pictures are left out."
    )
    maximum_per_class: Most = Field(None, title="Maximum samples per class", description="Empty: all of them.")
    validation: Source = Field(
        "",
        title="Validation Images",
        description="With the same classes as the training images. Empty: a share of these.",
    )
    validation_image_folder: Source = Field(
        "", title="Validation image folder (optional)", description="Where relative paths of that list start."
    )
    validation_minimum_per_class: Least = Field(
        2, title="Minimum validation samples per class", description="Classes with fewer are left out there."
    )
    validation_maximum_per_class: Most = Field(
        None, title="Maximum validation samples per class", description="Empty: all of them."
    )
    test: Source = Field(
        "", title="Test Images", description="With the same classes as the training images. Empty: a share of these."
    )
    test_image_folder: Source = Field(
        "", title="Test image folder (optional)", description="Where relative paths of that list start."
    )
    test_minimum_per_class: Least = Field(
        2, title="Minimum test samples per class", description="Classes with fewer are left out there."
    )
    test_maximum_per_class: Most = Field(
        None, title="Maximum test samples per class", description="Empty: all of them."
    )
    group_by: GroupBy = Field(
        GroupBy.NONE, title="Keep together", description="Frames of a video or slices of a patient, in one split."
    )
    group_level: int = Field(
        1, ge=1, le=32, title="Folder level", description="1: the folder that holds the picture, 2: the one above."
    )
    group_expression: str = Field(
        "", max_length=500, title="Expression", description="Found in the path; its first bracket names the group."
    )
    channels: Literal[1, 3] = Field(3, title="Image Type", description="Colour (3 channels) or grayscale (1 channel).")
    width: Side = Field(256, title="Width", description="In pixels.")
    height: Side = Field(256, title="Height", description="In pixels.")
    resize_mode: ResizeMode = Field(
        ResizeMode.SQUASH, title="Resize Transformation", description="How pictures of another shape are made to fit."
    )
    backend: Backend = Field(
        Backend.LMDB,
        title="DB backend",
        description="LMDB is smaller and read faster; HDF5 is what other programs read.",
    )
    compression: Compression = Field(
        Compression.NONE, title="DB compression", description="For HDF5: gzip takes less room and more time."
    )
    encoding: Encoding = Field(
        Encoding.PNG,
        title="Image Encoding",
        description="PNG is lossless, JPEG smaller, raw the fastest to read; auto chooses. HDF5 is always raw.",
    )
    quality: int = Field(
        90, ge=1, le=100, title="JPEG quality", description="For JPEG: 1 to 100, more is better and larger."
    )

    @model_validator(mode="after")
    def _consistent(self) -> ClassificationOptions:
        if self.percent(Split.VAL) + self.percent(Split.TEST) > 100:
            raise ValueError("% for validation and % for testing together are more than 100")
        for split, kind in ((Split.TRAIN, ""), (Split.VAL, "validation "), (Split.TEST, "test ")):
            least, most = self.limits(split)
            if most is not None and most < least:
                raise ValueError(f"the maximum {kind}samples per class is smaller than the minimum")
        if self.method is Method.TEXTFILE and not self.labels:
            raise ValueError("Labels must be given for lists: a text file with the names of the classes")
        if self.group_by is GroupBy.EXPRESSION and not self.group_expression:
            raise ValueError("Expression must not be empty where it tells what is kept together")
        if self.group_by is GroupBy.COLUMN and self.method is not Method.MANIFEST:
            raise ValueError("Keep together by a column is for tables")
        if self.method is Method.MANIFEST and (self.validation or self.test):
            which = "Validation Images" if self.validation else "Test Images"
            raise ValueError(f"{which} are named by the table itself, in its column “split”")
        return self

    def source(self, split: Split) -> str:
        """Where the pictures of a split come from; empty where they are a share of the training pictures."""
        return {Split.TRAIN: self.train, Split.VAL: self.validation, Split.TEST: self.test}[split]

    def paths(self) -> dict[str, tuple[str, bool]]:
        """What is given of the fields that name a folder or file, and whether it is to be a folder."""
        return given_paths(self.method, self.model_dump(include=set(PATHS)))

    def folder_of(self, split: Split) -> str:
        """Where the relative paths in the list of a split start; empty where that is beside the list."""
        return {
            Split.TRAIN: self.image_folder,
            Split.VAL: self.validation_image_folder,
            Split.TEST: self.test_image_folder,
        }[split]

    def percent(self, split: Split) -> float:
        """The % of the training pictures that is held back for a split: none where that has pictures of its own."""
        if split is Split.TRAIN or self.source(split):
            return 0
        return self.validation_percent if split is Split.VAL else self.test_percent

    def limits(self, split: Split) -> tuple[int, int | None]:
        """The least and the most samples of a class in the source of a split."""
        if split is Split.VAL:
            return self.validation_minimum_per_class, self.validation_maximum_per_class
        if split is Split.TEST:
            return self.test_minimum_per_class, self.test_maximum_per_class
        return self.minimum_per_class, self.maximum_per_class


PATHS: dict[str, dict[Method, bool]] = {  # whether a field names a folder, for the methods that use it
    "train": {Method.FOLDER: True, Method.TEXTFILE: False, Method.ARCHIVE: False, Method.MANIFEST: False},
    **{name: {Method.FOLDER: True, Method.TEXTFILE: False, Method.ARCHIVE: False} for name in ("validation", "test")},
    "labels": {Method.TEXTFILE: False},
    "image_folder": {Method.TEXTFILE: True, Method.MANIFEST: True},
    **{name: {Method.TEXTFILE: True} for name in ("validation_image_folder", "test_image_folder")},
}


def given_paths(method: Method, given: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
    """Of what is given, the fields that name a folder or file for a method, and whether it is to be a folder."""
    return {name: (given[name], uses[method]) for name, uses in PATHS.items() if method in uses and given.get(name)}
