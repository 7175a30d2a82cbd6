"""How the label pictures of one dataset become masks: the class of each pixel, and 255 where none counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import ImageError
from gradus.data.masks.colour_map import ColourMap, colour_text, count_colours
from gradus.data.masks.labels import Colour, LabelPicture, Numbers
from gradus.data.masks.palette import differing
from gradus.data.masks.resize import IGNORED, Mask

TOP = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}  # white; of numbers, what is ignored
SHOWN = 5  # colours or numbers in a message


class Read(NamedTuple):
    """A mask (H, W), and what is wrong with it that is not worth its loss."""

    mask: Mask
    remarks: list[str]


@dataclass(frozen=True)
class Coding:
    """What is known of all label pictures of a dataset.

    With `colours` the colour decides, of RGB and of palette pictures. `palette` is what every palette picture has to
    have. `binary` says that 0 is class 0 and white class 1; with `halves` all between is told apart at half. `ignored`
    are numbers that count for no class, as 255; numbers from `classes` on have no name.
    """

    colours: ColourMap | None = None
    palette: tuple[Colour, ...] = ()
    binary: bool = False
    halves: bool = False
    ignored: frozenset[int] = frozenset()
    classes: int | None = None

    def read(self, picture: LabelPicture) -> Read:
        """The mask of a label picture. `ImageError` says why it cannot be had."""
        if picture.lossy and not self.halves:
            raise ImageError("a JPEG does not keep the numbers of classes, only dark and light: save labels as PNG")
        if self.colours and (picture.coloured or picture.palette):
            return self._by_colour(self.colours, picture)
        if picture.coloured:
            raise ImageError(
                f"its pixels have colours, not numbers: {listed(count_colours(picture.values.astype(np.uint8)))}",
                hint="Give a colour map, or save labels as palette or gray pictures.",
            )
        self._compare(picture)
        mask = self._numbers(picture.values)
        if self.ignored:
            mask = np.where(np.isin(mask, list(self.ignored)), np.uint8(IGNORED), mask)
        return self._named(mask)

    def _by_colour(self, colours: ColourMap, picture: LabelPicture) -> Read:
        if picture.coloured:
            mask, unknown = colours.numbers_of(picture.values.astype(np.uint8))
        else:
            table, missing = colours.numbers_of(np.asarray([picture.palette], np.uint8))
            wide = np.full(256, IGNORED, np.uint8)
            wide[: table.size] = table[0]
            wide[IGNORED] = IGNORED
            mask = wide[picture.values]
            unknown = _uses(picture, {colour for colour, _ in missing}) if missing else []
        if not unknown:
            return Read(mask, [])
        many = sum(count for _, count in unknown)
        return Read(
            mask, [f"{many:,} pixels have colours that the colour map lacks, and are ignored: {listed(unknown)}"]
        )

    def _compare(self, picture: LabelPicture) -> None:
        """Refuse a palette that differs: the same number would be another class."""
        if not (picture.palette and self.palette) or picture.palette == self.palette:
            return
        used = np.flatnonzero(histogram(picture.values)[:256]).tolist()
        if wrong := differing(used, picture.palette, self.palette):
            here, there = (colour_text(palette[wrong[0]]) for palette in (picture.palette, self.palette))
            raise ImageError(
                f"its palette differs: number {wrong[0]} is {here}, and {there} in the first label picture",
                hint="With a colour map the colours decide, whatever their numbers.",
            )

    def _numbers(self, values: Numbers) -> Mask:
        top = TOP[values.dtype]
        if self.binary:
            if self.halves:
                return values.astype(np.uint8) if values.max() <= 1 else (values > top // 2).astype(np.uint8)
            between = (values != 0) & (values != top)
            if between.any():
                raise ImageError(
                    f"number {values[between][0]}: the other labels are black and white",
                    hint="Choose “Numbers as they are” if these are classes.",
                )
            return np.where(values == top, np.uint8(1), np.uint8(0))
        if values.dtype == np.uint8:
            return values.astype(np.uint8, copy=False)
        narrow = np.where(values == top, IGNORED, values)
        if narrow.max() > IGNORED:
            raise ImageError(f"number {narrow.max():,}: there can be {IGNORED} classes, 0 to {IGNORED - 1}")
        return narrow.astype(np.uint8)

    def _named(self, mask: Mask) -> Read:
        """What has no name is ignored: a network has no output for it."""
        if self.classes is None or mask.max() < self.classes:
            return Read(mask, [])
        counts = histogram(mask)
        strange = [number for number in np.flatnonzero(counts).tolist() if self.classes <= number < IGNORED]
        if not strange:
            return Read(mask, [])
        shown = ", ".join(f"{number} ({counts[number]:,} pixels)" for number in strange[:SHOWN])
        more = ", …" if len(strange) > SHOWN else ""
        named = f"{self.classes:,} class{'' if self.classes == 1 else 'es'} have names, counted from 0"
        remark = f"numbers without a name, which are ignored: {shown}{more}; {named}"
        return Read(np.where(mask >= self.classes, np.uint8(IGNORED), mask), [remark])


def histogram(values: Numbers) -> NDArray[np.int64]:
    """How often each number is there."""
    return np.bincount(values.ravel(), minlength=256)


def listed(colours: list[tuple[Colour, int]]) -> str:
    """The most frequent colours, with how often they are."""
    shown = ", ".join(f"{colour_text(colour)} ({count:,} pixels)" for colour, count in colours[:SHOWN])
    return shown + (f", … ({len(colours):,} in all)" if len(colours) > SHOWN else "")


def _uses(picture: LabelPicture, missing: set[Colour]) -> list[tuple[Colour, int]]:
    """The missing colours of a palette that pixels have; number 255, which is ignored, may have any."""
    counts = histogram(picture.values).tolist()[:IGNORED]
    used = [
        (colour, count) for colour, count in zip(picture.palette, counts, strict=False) if count and colour in missing
    ]
    return sorted(used, key=lambda each: -each[1])
