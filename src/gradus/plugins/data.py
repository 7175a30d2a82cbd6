"""Kinds of data: what a plugin of the group `gradus.data` provides.

A kind finds the samples (`scan`), turns each into arrays (`prepare`), and describes the form that asks for what it
needs (`options`). Gradus does the rest: the form, REST and the command line, threads, databases, mean, the list of
what could not be used, the page. The kinds that Gradus ships come through this door as well.

    from gradus.plugins import hookimpl
    from gradus.plugins.data import DataKind, Entry, Sample, Scan

    class Gradients(DataKind[GradientOptions]): ...

    @hookimpl
    def gradus_data_kinds():
        return [Gradients()]

The server loads every kind for its menus and forms, and never makes a sample: what works on arrays is best imported in
`scan` and `prepare`, as numpy is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, JsonValue

from gradus.core.dataset import BadFile, DatasetOptions, Split
from gradus.core.generic import Presentation
from gradus.core.report import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.uint8] | NDArray[np.float32]

O = TypeVar("O", bound=DatasetOptions)  # noqa: E741 - the options of a kind

Watch = Callable[[int], None]
"""Told how much has been found so far; raises where the work is to stop."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample to be. `name` is what lists and messages call it; `source` is the kind's own, such as paths."""

    name: str
    source: Any = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as arrays of at most three dimensions.

    uint8 (height, width) or (height, width, 3) in the order red, green, blue is a picture; so is a label. Anything
    else is uint8 or float32, of one dimension (values), two (rows of values) or three (channels, height, width).
    Bytes are a `Datum` that is stored as it is. A whole number is a label by itself.
    `remarks` say what is wrong with a sample that is kept all the same. `counts` are how often each class is marked.
    `size` is the (width, height) of what was read.
    """

    feature: Array | bytes
    label: Array | bytes | int | None = None
    remarks: Sequence[str] = ()
    counts: Mapping[int, int] = field(default_factory=dict)
    size: tuple[int, int] | None = None


@dataclass(slots=True)
class Scan:
    """What there is to build. Class i has the name `labels[i]` and the colour `palette[i]` ("#rrggbb").

    `bad` are files or lines that cannot be used and are no entry; they count as unreadable. `user` is kept with the
    dataset and given back when it is shown or a prediction is made.
    """

    entries: dict[Split, Sequence[Entry]]
    labels: list[str] = field(default_factory=list)
    palette: list[str] = field(default_factory=list)
    ignored: int | None = None
    bad: list[BadFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    user: dict[str, JsonValue] = field(default_factory=dict)


Decoder = Callable[[Entry], Sample]
"""From an entry to its sample; called from several threads. `InputError` says why an entry cannot be used."""


class DataKind(ABC, Generic[O]):
    """One kind of data. Stateless: all that it knows of a dataset comes with the call."""

    id: ClassVar[str]  # "image-segmentation": in addresses, commands and REST
    title: ClassVar[str]  # "Segmentation": in menus
    category: ClassVar[str] = "Images"  # the menu it stands in
    summary: ClassVar[str] = ""  # one sentence
    presentation: ClassVar[Presentation] = Presentation.NONE
    options: type[O]
    builds: ClassVar[bool] = False  # whether it builds datasets itself
    inference: ClassVar[type[BaseModel] | None] = None  # the form of a prediction, where a picture is not enough

    @abstractmethod
    def scan(self, options: O, watch: Watch) -> Scan:
        """Find the samples. `InputError` names the field whose source is no dataset of this kind."""

    @abstractmethod
    def prepare(self, options: O, scan: Scan) -> Decoder:
        """What turns the entries of a scan into samples."""

    def become(self, options: O) -> DatasetOptions:
        """The options of the dataset that is made: these, unless the kind stands for another, as an import does.

        Called once the options are checked and before the job is there.
        """
        return options

    def build(self, options: O, folder: Path, report: Report) -> None:
        """Make the whole dataset in `folder`, where `builds` says that Gradus does not make it of the samples."""
        raise NotImplementedError(f"{self.id} is built by Gradus")

    def entries_for(self, given: BaseModel, options: O, scan: Scan) -> Iterable[Entry]:
        """The entries that an inference form stands for. `scan` holds labels and `user`, but no entries."""
        raise NotImplementedError(f"{self.id} has no inference form")


Kind = DataKind[Any]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """`Array` for those who ask for it while they run: only then is numpy loaded."""
        if name != "Array":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import numpy as np
        from numpy.typing import NDArray

        return NDArray[np.uint8] | NDArray[np.float32]
