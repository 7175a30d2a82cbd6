"""Colours of classes in masks: those that a dataset brings, else those in which all labels are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradus.data.masks.labels import Colour
from gradus.data.showing import NOTHING, colour_of

BACKGROUNDS = frozenset(("background", "void", "unlabelled", "unlabeled", "nothing", "none", "black"))


def palette_of(names: Sequence[str], colours: Sequence[Colour] = ()) -> list[str]:
    """A colour, `#rrggbb`, for each class: its own of `colours`; black, which is shown clear, for a background."""
    own = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in colours[: len(names)]]
    others = range(len(own), len(names))
    return own + [NOTHING if names[number].lower() in BACKGROUNDS else colour_of(number) for number in others]


def differing(used: Iterable[int], palette: Sequence[Colour], expected: Sequence[Colour]) -> list[int]:
    """Of the numbers that a picture uses, those that have another colour in its palette than is expected.

    Entries that no pixel uses, or that only one of the palettes has, tell nothing: programs cut and fill them freely.
    """
    both = min(len(palette), len(expected))
    return [number for number in used if number < both and palette[number] != expected[number]]
