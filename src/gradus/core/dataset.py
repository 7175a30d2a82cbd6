"""A dataset: what is asked for, and what was built."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gradus.core.flaw import SampleFlaw
from gradus.core.form import Shown, paths_of

MAX_SIDE = 8192


def _one_line(text: str) -> str:
    """Names are shown in terminals, lists and file names: nothing in them may steer one of these."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must be one line without control characters")
    return text


Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Least = Annotated[int, Field(ge=1, le=10**9)]
Most = Annotated[int, Field(ge=1, le=10**9)] | None
Source = Annotated[str, Field(max_length=4096)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Group = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Order = Literal[
    "brightness", "-brightness", "contrast", "-contrast", "width", "-width", "height", "-height", "aspect", "-aspect",
    "bytes", "-bytes",
]  # fmt: skip
"""The measures by which samples are shown in order; with `-` the greatest comes first."""


class ResizeMode(StrEnum):
    """How a picture is brought to the dataset's size (DIGITS' four words)."""

    CROP = "crop"  # cover the target, cut what hangs over
    SQUASH = "squash"  # scale both sides independently
    FILL = "fill"  # fit inside the target, pad with black
    HALF_CROP = "half_crop"  # half of each


class Encoding(StrEnum):
    PNG = "png"  # lossless
    JPG = "jpg"  # of a chosen quality
    RAW = "raw"  # bytes as they are
    AUTO = "auto"  # one of these, by the pictures


class Backend(StrEnum):
    LMDB = "lmdb"
    HDF5 = "hdf5"


class Compression(StrEnum):
    """Of HDF5."""

    NONE = "none"
    GZIP = "gzip"


class Split(StrEnum):
    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Version(BaseModel):
    """A dataset made again without some of its samples. `parent` is the id of its job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent: Annotated[str, Field(max_length=100)]
    without: Annotated[list[SampleFlaw], Field(min_length=1)]


class DatasetOptions(BaseModel):
    """What every dataset is asked for with. Each kind adds its own fields, and refuses names that it does not know.

    The one description from which the form, the REST body, the command line's options and the job record are made.
    """

    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=True)

    type: Annotated[str, Shown(hidden=True)]
    name: Annotated[Name, Shown(section="Name")] = Field(title="Dataset Name", description="How it is listed.")
    group: Annotated[Group, Shown(section="Name")] = Field(
        "", title="Group Name", description="Jobs of one group are listed together."
    )
    seed: Annotated[Seed, Shown(section="Name", fold="More")] = Field(
        1, title="Random seed", description="The same files and seed give the same database."
    )
    unreadable_percent: Annotated[Percent, Shown(section="Name", fold="More", unit="%")] = Field(
        5, title="% unreadable allowed", description="Above this share of files that cannot be used the job fails."
    )
    roots: Annotated[list[str] | None, Shown(hidden=True)] = Field(
        None, title="Allowed folders", description="Set by the server: all that is read lies below one of these."
    )
    version: Annotated[Version | None, Shown(hidden=True)] = Field(
        None, title="Version of", description="The dataset that this one is, without the samples of some findings."
    )

    def paths(self) -> dict[str, tuple[str, bool]]:
        """What is given of the fields that name a folder or file, and whether it is to be a folder."""
        return paths_of(type(self), dict(self))


class SplitFacts(BaseModel):
    """One database. `class_counts[i]` is the number of samples of `DatasetFacts.labels[i]`.

    `unknown` are classes of the split's own source that training lacks, `left_out` those under its minimum.
    """

    model_config = ConfigDict(frozen=True)

    split: Split
    count: int
    class_counts: list[int]
    bytes: int = 0
    unknown: list[str] = []
    left_out: list[str] = []
    groups: int | None = None  # that are kept together, where pictures are grouped


class BadFile(BaseModel):
    """A file that could not be used, and why. `file` is relative to the folder that was read."""

    model_config = ConfigDict(frozen=True)

    file: str
    reason: str
    kept: bool = False  # whether it is in the dataset all the same


class DatasetFacts(BaseModel):
    """What was built: the content of `dataset.json` in the dataset's folder, written last.

    `mean_pixel` is per channel, 0 to 255, in the order of the stored pixels: blue, green, red, or gray.
    """

    model_config = ConfigDict(frozen=True)

    type: Literal["classification"] = "classification"
    labels: list[str]
    width: int
    height: int
    channels: Literal[1, 3]
    resize_mode: ResizeMode
    encoding: Encoding
    encoding_reason: str = ""  # why, where it is not what was asked for
    backend: Backend = Backend.LMDB
    compression: Compression = Compression.NONE
    splits: list[SplitFacts]
    mean_pixel: list[float]
    unreadable: int = 0  # files listed in `unreadable.jsonl`, left out or not
    left_out: list[str] = []  # classes under the minimum
    seconds: float = 0.0

    def split(self, split: Split) -> SplitFacts | None:
        """The facts of one split, or None where it is empty."""
        return next((s for s in self.splits if s.split == split and s.count), None)
