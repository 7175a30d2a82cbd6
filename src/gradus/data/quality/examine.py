"""What is wrong with a dataset's samples, found from their indexes after all of them have been read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gradus.core.dataset import Split
from gradus.core.errors import InputError, NotFoundError
from gradus.core.flaw import ALIKE, OF_SAMPLES, Flaw, bits
from gradus.core.quality import Finding, Pair, Quality, SampleRef
from gradus.data.files import write_bytes
from gradus.data.index import FOLDER, open_indexes
from gradus.data.quality.alike import PAIR, Alike, find_alike
from gradus.data.quality.odd import find_odd
from gradus.data.quality.samples import Places, Samples
from gradus.data.quality.spread import balances, histograms

FILE = "quality.json"
PAIRS = "pairs"  # beside the indexes
SHOWN = 12  # examples of a finding
UNEVEN = 10.0  # the ratio of the largest class to the smallest that is worth a word

Severity = Literal["note", "warning", "serious"]
_SAID: dict[Flaw, tuple[Severity, str]] = {
    Flaw.EXACT_DUPLICATES: ("warning", "files have the same bytes as another"),
    Flaw.NEAR_DUPLICATES: ("warning", "pictures are nearly the same as another: recompressed, scaled or trimmed"),
    Flaw.LEAKS: ("serious", "pictures are in another split too, exactly or nearly: measured results are too good"),
    Flaw.CONFLICTS: ("serious", "pictures are labelled differently from the same, or nearly the same, picture"),
    Flaw.TORN_GROUPS: ("serious", "pictures are of groups to be kept together that are in several splits"),
    Flaw.UNIFORM: ("note", "pictures are nearly of one colour"),
    Flaw.ASPECT: ("note", "pictures are far longer or wider than most"),
    Flaw.ENLARGED: ("note", "pictures are much smaller than most and have been enlarged to more than twice their size"),
    Flaw.DARK: ("note", "pictures are far darker than most"),
    Flaw.BRIGHT: ("note", "pictures are far brighter than most"),
    Flaw.SUSPICIOUS: ("note", "pictures are suspicious by themselves: of one colour, very long, tiny, dark or bright"),
}


def examine(
    folder: Path,
    labels: Sequence[str],
    counts: Mapping[Split, Sequence[int]],
    target: tuple[int, int] | None,
    look: Callable[[], None],
    left_out: int = 0,
) -> Quality:
    """Find the flaws of the samples whose indexes lie below `folder`, and note them there.

    `counts` are the samples of each class of each split, `target` is the (width, height) that all pictures have.
    `look` is called often and may raise to end the work.
    """
    samples = Samples(open_indexes(folder, change=True))
    alike = find_alike(samples, look)
    odd = find_odd(samples, target)
    flaws, leave = alike.flaws | odd, alike.leave | odd
    samples.put("flaws", flaws)
    samples.put("leave", leave)
    for _, index in samples.indexes:
        index.flush()
    write_bytes(folder / FOLDER / PAIRS, alike.pairs.tobytes())
    indexes = {index.split: index for _, index in samples.indexes}
    quality = Quality(
        samples=len(samples),
        leaks=int(np.count_nonzero(flaws & bits((Flaw.LEAKS,)))),
        findings=_findings(samples, alike, flaws, leave),
        balance=balances(counts, labels),
        histograms=histograms(indexes),
        nearness=alike.nearness,
        left_out=left_out,
    )
    return quality.model_copy(update={"findings": [*quality.findings, *_of_classes(quality)]})


def read_quality(folder: Path) -> Quality:
    """What was found; `NotFoundError` of a dataset whose samples were not looked at."""
    path = folder / FILE
    try:
        return Quality.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise not_looked_at() from None
    except ValidationError:
        raise InputError(f"{FILE} of this dataset is damaged", file=str(path), hint="Build it again.") from None


def read_pairs(folder: Path) -> NDArray[np.void]:
    """The pairs of samples that are alike; `NotFoundError` where they were not looked for."""
    path = folder / FOLDER / PAIRS
    if not path.is_file():
        raise not_looked_at()
    return np.fromfile(path, PAIR)


def not_looked_at() -> NotFoundError:
    """The error of a dataset that is older than this."""
    return NotFoundError("the samples of this dataset were not looked at when it was built", hint="Build it again.")


def pair_of(samples: Samples, row: np.void) -> Pair:
    """A pair as it is told."""
    return Pair(
        first=samples.ref(int(row["first"])),
        second=samples.ref(int(row["second"])),
        distance=int(row["distance"]),
        exact=bool(row["exact"]),
    )


def _findings(samples: Samples, alike: Alike, flaws: NDArray[np.uint32], leave: NDArray[np.uint32]) -> list[Finding]:
    found: list[Finding] = []
    for flaw in (*OF_SAMPLES, Flaw.SUSPICIOUS):
        mask = np.uint32(bits((flaw,)))
        which = np.flatnonzero(flaws & mask)
        if not len(which):
            continue
        severity, words = _SAID[flaw]
        pairs = alike.pairs[alike.pairs["flaws"] & mask != 0][:SHOWN] if flaw in ALIKE else ()
        found.append(
            Finding(
                kind=flaw,
                severity=severity,
                message=_counted(len(which), words),
                count=len(which),
                left_out=int(np.count_nonzero(leave & mask)),
                examples=_examples(samples, which, flaw),
                pairs=[pair_of(samples, row) for row in pairs],
            )
        )
    return found


def _counted(count: int, words: str) -> str:
    """A number before words that begin with several of something."""
    if count != 1:
        return f"{count:,} {words}"
    return "1 " + words.replace("pictures are", "picture is", 1).replace("files have", "file has", 1)


def _examples(samples: Samples, which: Places, flaw: Flaw) -> list[SampleRef]:
    if flaw in ALIKE:
        return []
    return [samples.ref(number) for number in which[:SHOWN].tolist()]


def _of_classes(quality: Quality) -> list[Finding]:
    found: list[Finding] = []
    for balance in quality.balance:
        if balance.empty:
            named = ", ".join(f"“{name}”" for name in balance.empty[:5]) + (", …" if len(balance.empty) > 5 else "")
            found.append(
                Finding(
                    kind=Flaw.EMPTY_CLASSES, severity="warning", count=len(balance.empty),
                    message=f"{balance.split} has nothing of {named}",
                )
            )  # fmt: skip
        if balance.ratio >= UNEVEN:
            found.append(
                Finding(
                    kind=Flaw.IMBALANCE, severity="note", count=1,
                    message=f"In {balance.split} class “{balance.largest.name}” has {balance.ratio:.3g} times as many "
                    "samples as the smallest",
                )
            )  # fmt: skip
    return found
