"""Colours of classes.

Where a dataset brings none, the eight of Okabe and Ito, which people who see red and green alike can tell apart
(https://jfly.uni-koeln.de/color/), then these mixed with ever more white and black.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradus.data.masks.labels import Colour

SAFE: tuple[Colour, ...] = (
    (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115),
    (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def safe_palette(count: int) -> list[Colour]:
    """So many colours, of which the first is black, for a background."""
    return [_shade(SAFE[i % len(SAFE)], i // len(SAFE)) for i in range(count)]


def hexes(colours: Iterable[Colour]) -> list[str]:
    """As pages write them: `#rrggbb`."""
    return ["#{:02x}{:02x}{:02x}".format(*colour) for colour in colours]


def differing(used: Iterable[int], palette: Sequence[Colour], expected: Sequence[Colour]) -> list[int]:
    """Of the numbers that a picture uses, those that have another colour in its palette than is expected.

    Entries that no pixel uses, or that only one of the palettes has, tell nothing: programs cut and fill them freely.
    """
    both = min(len(palette), len(expected))
    return [number for number in used if number < both and palette[number] != expected[number]]


def _shade(colour: Colour, step: int) -> Colour:
    """Step 0 is the colour itself; then in turn lighter and darker, a little more each time."""
    if not step:
        return colour
    towards = _WHITE if step % 2 else _BLACK
    part = 1 - 0.6 ** ((step + 1) // 2)
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(colour, towards, strict=True))
    return red, green, blue
