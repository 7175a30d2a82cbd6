"""What was found about the samples of a dataset: flaws, how its classes are balanced, how its pictures are spread."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gradus.core.dataset import Name, Split
from gradus.core.flaw import Flaw, SampleFlaw
from gradus.core.job import Job


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class SampleRef(_Result):
    """A sample: its place in the database of a split, and its file below the folder that was read.

    `label` is None where it has no class.
    """

    split: Split
    index: int
    file: str
    label: int | None = None


class Pair(_Result):
    """Two samples that are alike.

    `distance` are the bits in which their perceptual hashes differ; `exact`: their files have the same bytes.
    """

    first: SampleRef
    second: SampleRef
    distance: int
    exact: bool


class Finding(_Result):
    """One kind of flaw. `count` are samples (classes where it is about these), `left_out` those which a new version
    without it would lack; `examples` are a few of them, or `pairs` where it is about likeness.
    """

    kind: Flaw
    severity: Literal["note", "warning", "serious"]
    message: str
    count: int
    left_out: int = 0
    examples: list[SampleRef] = []
    pairs: list[Pair] = []


class ClassCount(_Result):
    """The samples of one class of a split."""

    label: int
    name: str
    count: int


class Balance(_Result):
    """How evenly the classes of a split are filled. `ratio` is of the largest to the smallest that has any."""

    split: Split
    smallest: ClassCount
    largest: ClassCount
    ratio: float
    empty: list[str] = []


class Histogram(_Result):
    """How often values fall between two edges, for each split; the last bin includes its end."""

    name: Literal["width", "height", "aspect", "brightness", "contrast", "bytes"]
    edges: list[float]
    counts: dict[Split, list[int]]


class Nearness(_Result):
    """When two pictures count as nearly the same.

    At most `bits` of their hashes differ, and their small gray pictures, brought to mean 0 and deviation 1, differ by
    at most `difference` (root mean square). That is chosen for each dataset so that no pair in it is to be expected to
    be so near by chance. `complete`: all pairs were looked at; otherwise more may be there.
    """

    bits: int
    difference: float
    complete: bool = True


class Quality(_Result):
    """The content of `quality.json`. `leaks` are samples of which another split has (nearly) the same picture."""

    samples: int
    leaks: int = 0
    findings: list[Finding] = []
    balance: list[Balance] = []
    histograms: list[Histogram] = []
    nearness: Nearness
    left_out: int = 0  # samples of the parent that this version was made without


class Note(BaseModel):
    """What somebody says to a warning that is to stand no longer."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    note: Annotated[str, Field(min_length=1, max_length=10_000)] = Field(
        title="Note", description="Why the leaks may stay."
    )


class Acknowledgement(_Result):
    """That somebody has seen the leaks: what they said, who it was, and when (Unix seconds)."""

    note: str
    by: str
    at: float


class QualityView(_Result):
    """A dataset's quality. `warns`: it has leaks that nobody has acknowledged."""

    quality: Quality
    acknowledged: Acknowledgement | None = None
    warns: bool = False


class SampleDetail(_Result):
    """All that is known of a sample. What an older dataset did not keep is None."""

    split: Split
    index: int
    key: str
    label: int | None = None
    label_name: str | None = None
    file: str | None = None
    width: int | None = None  # of the file's picture
    height: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    hash: str | None = None  # perceptual, 16 hexadecimal digits
    brightness: float | None = None
    contrast: float | None = None
    flaws: list[Flaw] = []


class Similar(_Result):
    """A sample that looks like another: the bits in which their hashes differ, and how their small pictures differ."""

    sample: SampleRef
    distance: int
    difference: float


class Lineage(_Result):
    """Which dataset a dataset is a version of, and which are versions of it. `parent` is None if it is gone."""

    parent_id: str | None = None
    parent: Job | None = None
    without: list[str] = []
    left_out: int = 0
    children: list[Job] = []


class VersionOptions(BaseModel):
    """A new version of a dataset: the same, without the samples of some findings."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    without: Annotated[list[SampleFlaw], Field(min_length=1)] = Field(
        title="Without", description="The findings whose samples are left out."
    )
    name: Name | None = Field(None, title="Dataset Name", description="Empty: that of the dataset, numbered.")
