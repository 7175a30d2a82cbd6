"""A dataset before it is built."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gradus.core.dataset import BadFile, Split
from gradus.core.view.sample import LabelView, MarkedClass


class PreviewClass(BaseModel):
    """A class that a folder holds, and how many pictures it would give to each database.

    `count` is a lower bound where counting was not `complete`, as it takes long in very large folders.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    count: int
    complete: bool = True
    train: int = 0
    val: int = 0
    test: int = 0


class PreviewPicture(BaseModel):
    """One picture as the dataset would hold it. `source` is a PNG as a `data:` address; sizes are the original's."""

    model_config = ConfigDict(frozen=True)

    file: str
    label: str
    source: str
    width: int = 0
    height: int = 0


class Preview(BaseModel):
    """What a dataset would be made of: counted, and a few pictures brought to its size."""

    model_config = ConfigDict(frozen=True)

    classes: list[PreviewClass]
    class_count: int = 0  # of which the first 1,000 are listed
    left_out: list[str] = []  # classes under the minimum
    pictures: list[PreviewPicture] = []
    unknown: list[str] = []  # classes of the other folders that training lacks
    unreadable: list[BadFile] = []  # of the few that were tried


class ExampleSample(BaseModel):
    """One sample as the dataset would hold it. `picture` shows its feature, which has `width` x `height` pixels.

    Text has no picture. `size` is that of the original.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    picture: str = ""
    width: int = 0
    height: int = 0
    size: tuple[int, int] | None = None
    label: LabelView
    remarks: list[str] = []


class Example(BaseModel):
    """What a dataset of any kind but classification would be made of: `counts` of all samples, and a few of them.

    `marked` is what is marked in these few; `bad` are the first of `bad_count` files that cannot be used.
    """

    model_config = ConfigDict(frozen=True)

    counts: dict[Split, int]
    labels: list[str] = []
    samples: list[ExampleSample] = []
    marked: list[MarkedClass] = []
    bad: list[BadFile] = []
    bad_count: int = 0
    warnings: list[str] = []
