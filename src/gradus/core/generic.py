"""Generic datasets, as DIGITS calls all that is not classification: an array, and what is to be learned of it.

What each kind asks for besides is the kind's own model; what was built is described in the same way for all.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gradus.core.dataset import DatasetOptions, Encoding, Split, SplitFacts
from gradus.core.form import YES_NO, Shown

DONT_CARE = "dontcare"  # KITTI's name for what counts neither as found nor as missed


class RecordEncoding(StrEnum):
    """How features or labels are stored; only 8-bit pictures can be encoded."""

    RAW = "raw"
    PNG = "png"
    JPG = "jpg"


ENCODINGS = {"png": "PNG (lossless)", "jpg": "JPEG (lossy)", "raw": "None"}


class GenericOptions(DatasetOptions):
    """What DIGITS asks of the dataset of every data extension. Kinds derive from it and forbid other names."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    feature_encoding: Annotated[RecordEncoding, Shown(section="Database", words=ENCODINGS)] = Field(
        RecordEncoding.PNG, title="Feature Encoding", description="How pictures are stored; arrays always are as is."
    )
    label_encoding: Annotated[RecordEncoding, Shown(section="Database", words=ENCODINGS)] = Field(
        RecordEncoding.RAW, title="Label Encoding", description="How label pictures are stored; JPEG changes labels."
    )
    batch_size: Annotated[int, Shown(section="Database", fold="Writing")] = Field(
        32,
        ge=1,
        le=10_000,
        title="Encoder batch size",
        description="Records made at once by a thread; fewer of large samples.",
    )
    num_threads: Annotated[int, Shown(section="Database", fold="Writing")] = Field(
        4, ge=1, le=256, title="Number of encoder threads", description="At most as many as there are cores."
    )
    force_same_shape: Annotated[bool, Shown(section="Database", words=YES_NO)] = Field(
        True, title="Enforce same shape", description="Refuse records of different shapes; there is no mean without."
    )


class Presentation(StrEnum):
    """How labels are shown beside or over their features."""

    BOXES = "boxes"  # DIGITS' rows of 16 numbers
    MASK = "mask"  # the class of each pixel
    PICTURE = "picture"
    VECTOR = "vector"  # numbers
    CLASSES = "classes"  # 1 for each class that is there
    TEXT = "text"  # the feature is text, the label its class
    NONE = "none"


class RecordForm(BaseModel):
    """What all features or all labels are. `shape` is (channels, height, width), None where it differs."""

    model_config = ConfigDict(frozen=True)

    shape: tuple[int, int, int] | None
    encoding: Encoding
    number: Literal["uint8", "float32"]


class GenericSplit(SplitFacts):
    """Two databases, `features` and `labels`. `class_counts` counts what is marked, such as boxes or pixels."""

    feature: RecordForm
    label: RecordForm | None = None


class GenericFacts(BaseModel):
    """What was built: the content of `dataset.json`. `user` is what the kind itself wants to know again.

    `mean_pixel` is per channel, 0 to 255, blue, green, red, where all features are pictures of one shape.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    presentation: Presentation
    labels: list[str] = []  # names of classes
    palette: list[str] = []  # their colours, "#rrggbb"
    ignored: int | None = None  # the class that does not count
    splits: list[GenericSplit]
    mean_pixel: list[float] | None = None
    unreadable: int = 0  # files listed in `unreadable.jsonl`, left out or not
    warnings: list[str] = []  # what was told of it as a whole
    user: dict[str, JsonValue] = {}
    seconds: float = 0.0

    def split(self, split: Split) -> GenericSplit | None:
        """The facts of one split, or None where it is empty."""
        return next((s for s in self.splits if s.split == split and s.count), None)
