"""What a dataset will be made of: which file goes into which database, under which class.

Training decides what the classes are. A split with a source of its own is matched with them by name;
the others are shares of the training pictures, class by class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.dataset import ClassificationOptions, Split
from gradus.core.errors import InputError
from gradus.data.lists import Entry
from gradus.data.readers.folder import Listing, Watcher, scan
from gradus.data.seeded import shuffled
from gradus.data.split import parts


@dataclass(slots=True)
class Part:
    """The files of one split, relative to `root`; what of its source was passed over."""

    root: Path
    entries: list[Entry] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """All that is to be built. Class i has the name `labels[i]`."""

    labels: list[str]
    parts: dict[Split, Part]
    warnings: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of files of all splits."""
        return sum(len(part.entries) for part in self.parts.values())


def collect(options: ClassificationOptions, watch: Watcher) -> Plan:
    """Find the files. `watch` is told how many there are so far, and may raise to stop.

    `InputError` names the field whose source is no dataset, or leaves nothing to train on.
    """
    listing = scan(Path(options.train), options, watch)
    plan = Plan(listing.labels, divide(listing, options), list(listing.warnings))
    plan.parts[Split.TRAIN].left_out = listing.left_out
    for split in (Split.VAL, Split.TEST):
        if options.source(split):
            own = scan(Path(options.source(split)), options, _after(plan.count, watch), split, plan.labels)
            plan.parts[split] = _matched(own, plan.labels)
            plan.warnings.extend(own.warnings)
    return plan


def _after(before: int, watch: Watcher) -> Watcher:
    """A watcher that counts on."""
    return lambda found: watch(before + found)


def divide(listing: Listing, options: ClassificationOptions) -> dict[Split, Part]:
    """Which training picture goes to which split, class by class. `InputError` where training gets nothing."""
    found = {split: Part(listing.folder) for split in Split}
    shares = options.percent(Split.VAL), options.percent(Split.TEST)
    for label, group in enumerate(listing.classes):
        mixed = shuffled(group.files, options.seed, f"split/{group.label}/{label}")
        at = 0
        for split, count in zip(Split, parts(len(mixed), *shares), strict=True):
            found[split].entries.extend((file, label) for file in mixed[at : at + count])
            at += count
    if not found[Split.TRAIN].entries:
        raise InputError(
            "Nothing is left to train on: validation and testing take all pictures",
            field="validation_percent",
            hint="Lower “% for validation” or “% for testing”.",
        )
    return found


def _matched(listing: Listing, labels: list[str]) -> Part:
    """A split's own pictures under the numbers that training gave their classes."""
    entries = [(file, labels.index(group.label)) for group in listing.classes for file in group.files]
    return Part(listing.folder, entries, listing.unknown, listing.left_out)
