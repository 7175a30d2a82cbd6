"""A classification dataset: what is asked for."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Literal

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
from gradus.core.form import YES_NO, Shown


class Method(StrEnum):
    """Where the pictures and their classes come from."""

    FOLDER = "folder"  # one sub-folder for each class
    TEXTFILE = "textfile"  # lists of `path label`
    ARCHIVE = "archive"  # a zip or tar of such a folder
    MANIFEST = "manifest"  # a table with a row for each picture
    S3 = "s3"  # a bucket whose keys have a part for each class
    DIGITS = "digits"  # a dataset of DIGITS, which is taken over


class GroupBy(StrEnum):
    """Which pictures belong together, so that all of them are in one split."""

    NONE = "none"
    FOLDER = "folder"  # those of one folder
    EXPRESSION = "expression"  # those in whose paths an expression finds the same
    COLUMN = "column"  # those of one group in a table


STORE = ("method", "s3")
_IN_S3 = ("s3_bucket", "s3_path")
ONE_FILE = ("method", "textfile", "archive", "manifest")
LISTS = ("method", "textfile")
PLACED = ("method", "folder", "textfile", "archive", "manifest", "digits")  # one field says where the pictures are
RELATIVE = ("method", "textfile", "manifest")  # names pictures, by paths that may be relative
COUNTED = ("method", "folder", "archive", "manifest", "s3")  # the limits of samples per class hold
APART = ("method", "folder", "textfile", "archive")  # pictures for validation and testing may lie elsewhere
COUNTED_APART = ("method", "folder", "archive")

SOURCE = Shown(section="Source")
VALIDATION = Shown(section="Source", fold="Separate validation images", when=APART)
TEST = Shown(section="Source", fold="Separate test images", when=APART)
GROUPS = Shown(section="Source", fold="Keep pictures together")
IMAGES = Shown(section="Images")
DATABASE = Shown(section="Images", fold="Database")

METHODS = {
    "folder": "Use Image Folder", "textfile": "Use Text Files", "archive": "Upload Archive", "manifest": "Use Table",
    "s3": "Use S3",
}  # fmt: skip
METHOD_NOTES = {
    "digits": "The folder of a dataset that DIGITS made. It is copied as it is; what its pictures are is found in it.",
    "s3": "A bucket of Amazon S3, or of a store that speaks like it. Keys are kept apart until it is built.",
    "textfile": "Each line of a list is the path of a picture and the number of its class.",
    "archive": "A zip or tar of a folder with one sub-folder of pictures for each class.",
    "manifest": "A CSV, JSON lines or Parquet file with the columns path, label and, if wanted, split (train, "
    "validation or test), such as Hugging Face's metadata.csv. Where it names no split, the shares below are taken.",
}
GROUPINGS = {
    "none": "No groups", "folder": "By folder", "expression": "By expression", "column": "By the column “group”",
}  # fmt: skip
EXAMPLE = "patient([0-9]+)"
RESIZE_MODES = {"crop": "Crop", "squash": "Squash", "fill": "Fill", "half_crop": "Half crop, half fill"}
ENCODINGS = {"png": "PNG (lossless)", "jpg": "JPEG (lossy)", "raw": "None", "auto": "Auto"}
COMPRESSIONS = {"none": "None", "gzip": "GZIP"}


class ClassificationOptions(DatasetOptions):
    """A classification dataset from a folder with one sub-folder per class, or from text lists.

    The one description from which the form, the REST body, the command line's options and the job
    record are made. Titles are DIGITS' words; descriptions are shown as help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    type: Annotated[Literal["classification"], Shown(hidden=True)] = "classification"
    method: Annotated[Method, Shown(section="Source", words=METHODS, notes=METHOD_NOTES)] = Field(
        Method.FOLDER, title="Method", description="Where the pictures and their classes come from."
    )
    train: Annotated[str, replace(SOURCE, path="folder", file_when=ONE_FILE, when=PLACED, send=True)] = Field(
        min_length=1, max_length=4096, title="Training Images",
        description="A folder with a sub-folder of pictures for each class, on this machine or the web (http://…); "
        "or a list, archive, table.",
    )  # fmt: skip
    s3_endpoint: Annotated[Source, replace(SOURCE, when=STORE, placeholder="https://s3.amazonaws.com")] = Field(
        "", title="Endpoint URL", description="Of the store. Empty: Amazon's."
    )
    s3_bucket: Annotated[str, replace(SOURCE, when=STORE)] = Field(
        "", max_length=255, title="Bucket", description="The name it has in the store."
    )
    s3_path: Annotated[str, replace(SOURCE, when=STORE)] = Field(
        "", max_length=1024, title="Path", description="Its “sub-folders” are the classes. Empty: those of the bucket."
    )
    s3_credentials: Annotated[str, replace(SOURCE, when=STORE, keys=True)] = Field(
        "", pattern="^(secret:[0-9a-f]{32})?$", title="Keys", description="Empty: for what everybody may read."
    )
    keep_copies: Annotated[bool, replace(SOURCE, when=STORE)] = Field(
        False, title="Keep copies on disk", description="Of the pictures, in the dataset's folder."
    )
    image_folder: Annotated[Source, replace(SOURCE, path="folder", when=RELATIVE)] = Field(
        "", title="Image folder (optional)", description="Where relative paths of the list start. Empty: beside it."
    )
    labels: Annotated[Source, replace(SOURCE, path="file", send=True, when=LISTS)] = Field(
        "", title="Labels", description="For lists: a text file, the name of class 0 on line 1."
    )
    shuffle: Annotated[bool, replace(SOURCE, words=YES_NO, when=LISTS, wide=True)] = Field(
        True, title="Shuffle lines", description="For lists: mix the training pictures."
    )
    minimum_per_class: Annotated[Least, replace(SOURCE, when=COUNTED)] = Field(
        2, title="Minimum samples per class", description="Classes with fewer pictures are left out."
    )
    maximum_per_class: Annotated[Most, replace(SOURCE, when=COUNTED, placeholder="all")] = Field(
        None, title="Maximum samples per class", description="Empty: all of them."
    )
    validation_percent: Annotated[Percent, replace(SOURCE, unit="%")] = Field(
        25, title="% for validation", description="Of each class, held back to measure the model while it trains."
    )
    test_percent: Annotated[Percent, replace(SOURCE, unit="%")] = Field(
        0, title="% for testing", description="Of each class, kept for a final test."
    )
    validation: Annotated[Source, replace(VALIDATION, path="folder", file_when=ONE_FILE, send=True)] = Field(
        "",
        title="Validation Images",
        description="With the same classes as the training images. Empty: a share of these.",
    )
    validation_image_folder: Annotated[Source, replace(VALIDATION, path="folder", when=LISTS)] = Field(
        "", title="Validation image folder (optional)", description="Where relative paths of that list start."
    )
    validation_minimum_per_class: Annotated[Least, replace(VALIDATION, when=COUNTED_APART)] = Field(
        2, title="Minimum validation samples per class", description="Classes with fewer are left out there."
    )
    validation_maximum_per_class: Annotated[Most, replace(VALIDATION, when=COUNTED_APART, placeholder="all")] = Field(
        None, title="Maximum validation samples per class", description="Empty: all of them."
    )
    test: Annotated[Source, replace(TEST, path="folder", file_when=ONE_FILE, send=True)] = Field(
        "", title="Test Images", description="With the same classes as the training images. Empty: a share of these."
    )
    test_image_folder: Annotated[Source, replace(TEST, path="folder", when=LISTS)] = Field(
        "", title="Test image folder (optional)", description="Where relative paths of that list start."
    )
    test_minimum_per_class: Annotated[Least, replace(TEST, when=COUNTED_APART)] = Field(
        2, title="Minimum test samples per class", description="Classes with fewer are left out there."
    )
    test_maximum_per_class: Annotated[Most, replace(TEST, when=COUNTED_APART, placeholder="all")] = Field(
        None, title="Maximum test samples per class", description="Empty: all of them."
    )
    group_by: Annotated[GroupBy, replace(GROUPS, words=GROUPINGS)] = Field(
        GroupBy.NONE, title="Keep together", description="Frames of a video or slices of a patient, in one split."
    )
    group_level: Annotated[int, replace(GROUPS, when=("group_by", "folder"))] = Field(
        1, ge=1, le=32, title="Folder level", description="1: the folder that holds the picture, 2: the one above."
    )
    group_expression: Annotated[str, replace(GROUPS, when=("group_by", "expression"), placeholder=EXAMPLE)] = Field(
        "", max_length=500, title="Expression", description="Found in the path; its first bracket names the group."
    )
    channels: Annotated[Literal[1, 3], replace(IMAGES, words={"3": "Color", "1": "Grayscale"})] = Field(
        3, title="Image Type", description="Colour (3 channels) or grayscale (1 channel)."
    )
    width: Annotated[Side, IMAGES] = Field(256, title="Width", description="In pixels.")
    height: Annotated[Side, IMAGES] = Field(256, title="Height", description="In pixels.")
    resize_mode: Annotated[ResizeMode, replace(IMAGES, words=RESIZE_MODES)] = Field(
        ResizeMode.SQUASH, title="Resize Transformation", description="How pictures of another shape are made to fit."
    )
    encoding: Annotated[Encoding, replace(IMAGES, words=ENCODINGS)] = Field(
        Encoding.PNG,
        title="Image Encoding",
        description="PNG is lossless, JPEG smaller, raw the fastest to read; auto chooses. HDF5 is always raw.",
    )
    quality: Annotated[int, replace(IMAGES, when=("encoding", "jpg", "auto"))] = Field(
        90, ge=1, le=100, title="JPEG quality", description="For JPEG: 1 to 100, more is better and larger."
    )
    backend: Annotated[Backend, replace(DATABASE, words={"lmdb": "LMDB", "hdf5": "HDF5"})] = Field(
        Backend.LMDB,
        title="DB backend",
        description="LMDB is smaller and read faster; HDF5 is what other programs read.",
    )
    compression: Annotated[Compression, replace(DATABASE, words=COMPRESSIONS, when=("backend", "hdf5"))] = Field(
        Compression.NONE, title="DB compression", description="For HDF5: gzip takes less room and more time."
    )

    hosts: Annotated[list[str] | None, Shown(hidden=True)] = Field(
        [], title="Allowed hosts", description="Set by the server: from these, pictures are fetched wherever they are."
    )

    @model_validator(mode="before")
    @classmethod
    def _bucket(cls, given: object) -> object:
        """Bucket and path are one address in `train`, which tells where the pictures are whatever the method."""
        if not isinstance(given, dict) or given.get("method") != Method.S3:
            return given
        bucket, _, path = str(given.get("train") or "").removeprefix("s3://").partition("/")
        found = {"s3_bucket": bucket, "s3_path": path} | {name: given[name] for name in _IN_S3 if given.get(name)}
        return given | found | {"train": f"s3://{found['s3_bucket']}/{str(found['s3_path']).strip('/')}"}

    @model_validator(mode="after")
    def _consistent(self) -> ClassificationOptions:
        if self.method is Method.S3 and not self.s3_bucket:
            raise ValueError("Bucket must not be empty")
        if self.method is Method.S3 and (self.validation or self.test):
            raise ValueError("Validation Images and Test Images are shares of the pictures in the bucket")
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

    def folder_of(self, split: Split) -> str:
        """Where the relative paths in the list of a split start; empty where that is beside the list."""
        return {
            Split.TRAIN: self.image_folder,
            Split.VAL: self.validation_image_folder,
            Split.TEST: self.test_image_folder,
        }[split]

    def percent(self, split: Split) -> float:
        """The % of the training pictures that is held back for a split: none where that has pictures of its own."""
        if split is Split.TRAIN or self.source(split) or self.method is Method.DIGITS:
            return 0
        return self.validation_percent if split is Split.VAL else self.test_percent

    def limits(self, split: Split) -> tuple[int, int | None]:
        """The least and the most samples of a class in the source of a split."""
        if split is Split.VAL:
            return self.validation_minimum_per_class, self.validation_maximum_per_class
        if split is Split.TEST:
            return self.test_minimum_per_class, self.test_maximum_per_class
        return self.minimum_per_class, self.maximum_per_class
