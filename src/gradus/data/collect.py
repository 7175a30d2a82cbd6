"""What a dataset will be made of: which file goes into which database, under which class.

Training decides what the classes are. A split with a source of its own is matched with them by name;
the others are shares of the training pictures, class by class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.dataset import BadFile, ClassificationOptions, Method, Split
from gradus.core.errors import InputError
from gradus.data.archives import unpack
from gradus.data.lists import Entry, escape
from gradus.data.readers.folder import FIELDS, Listing, Watcher, scan
from gradus.data.readers.textfile import Places, read_labels, read_list
from gradus.data.seeded import shuffled
from gradus.data.split import parts
from gradus.data.uploads import FOLDER as UPLOADS

ANYWHERE = Path("/")


@dataclass(slots=True)
class Part:
    """The files of one split, relative to `root`; what of its source was passed over."""

    root: Path
    entries: list[Entry] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    named: str = ""  # what is shown in place of `root`, where that is gone when the dataset is built

    def whole(self) -> Iterator[Entry]:
        """The entries with whole paths."""
        return ((f"{self.prefix}{file}", label) for file, label in self.entries)

    @property
    def prefix(self) -> str:
        """What makes whole paths of the files' names."""
        return f"{self.named or self.root}/".replace("//", "/")


Parts = dict[Split, Part]


@dataclass(slots=True)
class Plan:
    """All that is to be built. Class i has the name `labels[i]`."""

    labels: list[str]
    parts: Parts
    warnings: list[str] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)  # lines of lists that cannot be used

    @property
    def count(self) -> int:
        """The number of files of all splits."""
        return sum(len(part.entries) for part in self.parts.values())


def collect(options: ClassificationOptions, watch: Watcher, space: Path) -> Plan:
    """Find the files. `watch` is told how many there are so far, and may raise to stop.

    What has to be unpacked is written below `space`, which belongs to the caller.
    `InputError` names the field whose source is no dataset, or leaves nothing to train on.
    """
    if options.method is Method.TEXTFILE:
        return _lists(options, watch)
    if options.method is Method.ARCHIVE:
        return _archives(options, watch, space)
    return _folders(options, watch)


def divide(entries: Sequence[Entry], labels: Sequence[str], root: Path, options: ClassificationOptions) -> Parts:
    """Which training picture goes to which split, class by class. `InputError` where training gets nothing."""
    found = {split: Part(root) for split in Split}
    shares = options.percent(Split.VAL), options.percent(Split.TEST)
    places: list[list[int]] = [[] for _ in labels]
    for place, (_, label) in enumerate(entries):
        places[label].append(place)
    taken: dict[Split, list[int]] = {split: [] for split in Split}
    for label, own in enumerate(places):
        mixed = shuffled(own, options.seed, f"split/{labels[label]}/{label}")
        at = 0
        for split, count in zip(Split, parts(len(mixed), *shares), strict=True):
            taken[split].extend(mixed[at : at + count])
            at += count
    for split, chosen in taken.items():
        found[split].entries = [entries[place] for place in (chosen if options.shuffle else sorted(chosen))]
    if not found[Split.TRAIN].entries:
        raise InputError(
            "Nothing is left to train on: validation and testing take all pictures",
            field="validation_percent",
            hint="Lower “% for validation” or “% for testing”.",
        )
    return found


def _folders(options: ClassificationOptions, watch: Watcher) -> Plan:
    listing = scan(Path(options.train), options, watch)
    plan = Plan(listing.labels, divide(_entries(listing), listing.labels, listing.folder, options), listing.warnings)
    plan.parts[Split.TRAIN].left_out = listing.left_out
    for split in (Split.VAL, Split.TEST):
        if options.source(split):
            own = scan(Path(options.source(split)), options, _after(plan.count, watch), split, plan.labels)
            plan.parts[split] = Part(own.folder, _entries(own, plan.labels), own.unknown, own.left_out)
            plan.warnings.extend(own.warnings)
    return plan


def _archives(options: ClassificationOptions, watch: Watcher, space: Path) -> Plan:
    unpacked, warnings = unpack_all(options, watch, space)
    plan = _folders(unpacked, watch)
    for split, part in plan.parts.items():
        part.named = options.source(split) or options.train
    plan.warnings[:0] = warnings
    return plan


def unpack_all(options: ClassificationOptions, watch: Watcher, space: Path) -> tuple[ClassificationOptions, list[str]]:
    """The options with folders below `space` in place of the archives, and what is to be said of these."""
    folders: dict[str, str] = {}
    warnings: list[str] = []
    for split, named in FIELDS.items():
        if text := options.source(split):
            folder, passed = unpack(Path(text), space / split, named, watch)
            folders[named] = str(folder)
            if passed:
                warnings.append(f"{passed:,} files of {escape(Path(text).name)} are not named as pictures: passed over")
    return options.model_copy(update=folders), warnings


def _lists(options: ClassificationOptions, watch: Watcher) -> Plan:
    labels = read_labels(Path(options.labels))
    plan = Plan(labels, {})
    for split, named in FIELDS.items():
        if not options.source(split):
            continue
        path, folder = Path(options.source(split)), options.folder_of(split)
        beside = None if path.parent.parent.name == UPLOADS else path.parent  # nothing lies beside what was sent
        places = Places(Path(folder) if folder else beside, options.roots)
        found = read_list(path, places, len(labels), named, _after(plan.count, watch))
        plan.bad.extend(found.bad)
        if split is Split.TRAIN:
            plan.parts = divide(found.entries, labels, ANYWHERE, options)
        else:
            plan.parts[split] = Part(ANYWHERE, found.entries)
    if plan.bad:
        plan.warnings.append(f"{len(plan.bad):,} lines of the lists cannot be used; the dataset lists them")
    return plan


def _entries(listing: Listing, labels: Sequence[str] | None = None) -> list[Entry]:
    """A folder's files, class by class; under the numbers that training gave the classes, if `labels` are given."""
    numbers = [labels.index(c.label) if labels is not None else i for i, c in enumerate(listing.classes)]
    return [(file, number) for number, group in zip(numbers, listing.classes, strict=True) for file in group.files]


def _after(before: int, watch: Watcher) -> Watcher:
    """A watcher that counts on."""
    return lambda found: watch(before + found)
