"""A look at label pictures before a dataset is built: which numbers, palette and colours they have.

Pictures that cannot be read are passed over here; whoever builds the dataset lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from gradus.core.errors import ImageError
from gradus.data.masks.coding import TOP, histogram
from gradus.data.masks.colour_map import count_colours
from gradus.data.masks.labels import Colour, LabelPicture, read_label
from gradus.data.masks.resize import IGNORED
from gradus.data.ordered import in_order
from gradus.data.pictures import read_file

CHUNK = 4
MOST_COLOURS = 1000


@dataclass(slots=True)
class Survey:
    """Of the pictures that could be read: `palette` is that of the first which has one, filled up from the others."""

    read: int = 0
    numbers: set[int] = field(default_factory=set)  # without what is ignored
    white: bool = False  # the number of white, 255 or 65535, occurs
    only_gray: bool = True  # no picture has a palette or colours
    palette: tuple[Colour, ...] = ()
    coloured: int = 0
    colours: Counter[Colour] = field(default_factory=Counter)

    @property
    def black_and_white(self) -> bool:
        """Whether two classes are meant, 0 and white."""
        return self.only_gray and self.white and self.numbers == {0}

    def add(self, picture: LabelPicture) -> None:
        """Count one picture in."""
        self.read += 1
        if picture.coloured:
            self.coloured += 1
            if len(self.colours) < MOST_COLOURS:
                self.colours.update(dict(count_colours(picture.values.astype(np.uint8))[:MOST_COLOURS]))
        else:
            used = set(np.flatnonzero(histogram(picture.values)).tolist())
            self.white |= TOP[picture.values.dtype] in used
            self.numbers |= used - {IGNORED, TOP[picture.values.dtype]}
        self.only_gray &= not (picture.coloured or picture.palette)
        if picture.palette:
            self.palette += picture.palette[len(self.palette) :]


def survey(files: Sequence[str], look: Callable[[], None], most: int | None = None) -> Survey:
    """Look at all pictures, or at `most` of them, evenly apart. `look` is called often and may raise to stop."""
    count = len(files) if most is None else min(most, len(files))
    chosen = [files[i * len(files) // count] for i in range(count)]
    found = Survey()
    for pictures in in_order(_read, chosen, CHUNK, look):
        for picture in pictures:
            found.add(picture)
    return found


def _read(files: Sequence[str], halt: Event) -> list[LabelPicture]:
    pictures = []
    for file in files:
        if halt.is_set():
            break
        try:
            pictures.append(read_label(read_file(file)))
        except ImageError:
            continue
    return pictures
