"""What may be wrong with samples: names for people, bits for the index."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal


class Flaw(StrEnum):
    """What may be wrong with samples. `SUSPICIOUS` stands for all that concerns a picture by itself."""

    EXACT_DUPLICATES = "exact-duplicates"  # files of the same bytes
    NEAR_DUPLICATES = "near-duplicates"  # the same picture made anew: recompressed, scaled, brightened, trimmed
    LEAKS = "leaks"  # either of these in different splits
    CONFLICTS = "conflicts"  # either of these with different labels
    TORN_GROUPS = "torn-groups"  # of a group that was to be kept together, in different splits
    UNIFORM = "uniform"  # nearly of one colour
    ASPECT = "aspect"  # far longer than wide or wider than long, as most are not
    ENLARGED = "enlarged"  # from a file far smaller than others
    DARK = "dark"
    BRIGHT = "bright"
    SUSPICIOUS = "suspicious"
    EMPTY_CLASSES = "empty-classes"  # of a split
    IMBALANCE = "imbalance"  # of the classes


SUSPICIOUS = (Flaw.UNIFORM, Flaw.ASPECT, Flaw.ENLARGED, Flaw.DARK, Flaw.BRIGHT)
ALIKE = (Flaw.EXACT_DUPLICATES, Flaw.NEAR_DUPLICATES, Flaw.LEAKS, Flaw.CONFLICTS)
OF_SAMPLES = (*ALIKE, Flaw.TORN_GROUPS, *SUSPICIOUS)  # the place is the bit; new ones are added at the end

SampleFlaw = Literal[
    "exact-duplicates", "near-duplicates", "leaks", "conflicts", "torn-groups", "uniform", "aspect", "enlarged",
    "dark", "bright", "suspicious",
]  # fmt: skip


def bits(flaws: Iterable[str]) -> int:
    """A number with the bits of these flaws."""
    asked = set(flaws)
    if Flaw.SUSPICIOUS in asked:
        asked.update(SUSPICIOUS)
    return sum(1 << place for place, flaw in enumerate(OF_SAMPLES) if flaw in asked)


def flaws_of(number: int) -> list[Flaw]:
    """The flaws whose bits a number has."""
    return [flaw for place, flaw in enumerate(OF_SAMPLES) if number >> place & 1]
