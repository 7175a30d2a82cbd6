"""Samples of a dataset, and what is marked in them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gradus.core.dataset import Split
from gradus.core.generic import Presentation


class MarkedClass(BaseModel):
    """A class that is marked. `colour` is "#rrggbb"; `share` is that of the pixels of a mask, `count` how often."""

    model_config = ConfigDict(frozen=True)

    number: int
    name: str
    colour: str
    share: float | None = None
    count: int | None = None


class BoxView(BaseModel):
    """A marked object, in pixels of the feature. One that is not `counted` is neither to be found nor missed."""

    model_config = ConfigDict(frozen=True)

    left: float
    top: float
    width: float
    height: float
    number: int
    name: str
    colour: str
    counted: bool = True


class LabelView(BaseModel):
    """What is to be learned of a sample, as it is shown; what a presentation has no use for is empty.

    `source` is the address of a mask or picture of `width` x `height`, or empty where there is none. A mask lies over
    its feature, a picture beside it. Of `count` values the first are given, with their `names` if they have any.
    """

    model_config = ConfigDict(frozen=True)

    presentation: Presentation
    boxes: list[BoxView] = []
    classes: list[MarkedClass] = []
    values: list[float] = []
    names: list[str] = []
    count: int = 0
    text: str = ""
    source: str = ""
    width: int = 0
    height: int = 0


class SampleView(BaseModel):
    """One record of a dataset's database, of `width` x `height`. Its picture is at `samples/{split}/{index}.png`.

    Of a classification dataset it has a class; of others `view` is its label.
    """

    model_config = ConfigDict(frozen=True)

    split: Split
    index: int
    label: int
    label_name: str = ""
    key: str
    width: int = 0
    height: int = 0
    view: LabelView | None = None
