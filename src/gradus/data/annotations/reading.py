"""What reading annotations gives: pictures with boxes for each split, and all that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.annotations.boxes import Boxes
from gradus.data.annotations.recognise import Format
from gradus.data.pictures import read_file

Parse = Callable[[bytes], Boxes]


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A file with the boxes of one picture: its whole path, what messages call it, and what reads it."""

    path: str
    name: str
    parse: Parse

    def read(self) -> Boxes:
        """The boxes. `InputError` names the line that cannot be used."""
        boxes = self.parse(read_file(self.path))
        if boxes.broken:
            raise InputError(boxes.broken)
        return boxes


@dataclass(frozen=True, slots=True)
class Pictured:
    """A picture: its whole path, what messages call it, how many boxes it has, and the (width, height) stated of it.

    Its boxes stay in their file until they are wanted, so that a dataset takes little memory; those of one file for
    all pictures are here.
    """

    path: str
    name: str
    count: int
    size: tuple[int, int] | None
    source: LabelFile | Boxes

    @property
    def boxes(self) -> Boxes:
        """The boxes. `InputError` where their file is not what it was."""
        if isinstance(self.source, Boxes):
            return self.source
        try:
            return self.source.read()
        except InputError as error:
            raise InputError(f"{self.source.name}: {error}", line=error.problem.line) from error


@dataclass(slots=True)
class Reading:
    """What was read. `names` are the classes that the annotations declare, in their order.

    `counts` tells how many boxes of each class a split has.
    """

    format: Format
    splits: dict[Split, list[Pictured]] = field(default_factory=dict)
    counts: dict[Split, Counter[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lost: dict[str, set[str]] = field(default_factory=dict)  # of a folder, the label files that no picture has

    def open(self, split: Split) -> None:
        """Have a split, be it without pictures."""
        self.splits.setdefault(split, [])
        self.counts.setdefault(split, Counter())

    def add(self, split: Split, path: str, name: str, boxes: Boxes, file: LabelFile | None = None) -> None:
        """Take a picture and count its boxes, which are read again from their `file` if there is one."""
        self.splits[split].append(Pictured(path, name, len(boxes.boxes), boxes.size, file or boxes))
        self.counts[split].update(box.name for box in boxes.boxes)

    def take(self, split: Split, other: Reading) -> None:
        """Have the pictures that another source has for a split, or all for training that it has."""
        given = split if other.splits.get(split) else Split.TRAIN
        self.splits[split], self.counts[split] = other.splits[given], other.counts[given]
        self.names = list(dict.fromkeys([*self.names, *other.names]))
        self.bad.extend(other.bad)
        self.warnings.extend(other.warnings)
        for folder, files in other.lost.items():
            self.lose(folder, files)

    def lose(self, folder: str, files: Iterable[str]) -> None:
        """Note label files without a picture; where several parts share a folder, those that none of them has."""
        self.lost[folder] = self.lost[folder].intersection(files) if folder in self.lost else set(files)
