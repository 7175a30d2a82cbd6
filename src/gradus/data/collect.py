"""What a dataset will be made of: which file goes into which database, under which class.

Training decides what the classes are. A split with a source of its own is matched with them by name;
the others are shares of the training pictures, class by class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.data.archives import unpack
from gradus.data.grouping import Key, divide_groups, grouping
from gradus.data.lists import Entry, escape
from gradus.data.readers.folder import FIELDS, SHOWN, Listing, Watcher, least_for_all, scan, split_folders
from gradus.data.readers.manifest import Table, metadata_of, read_manifest, read_metadata
from gradus.data.readers.textfile import Places, read_labels, read_list
from gradus.data.remote.address import Rules, is_address, is_remote
from gradus.data.seeded import sampled, shuffled
from gradus.data.split import parts
from gradus.data.uploads import FOLDER as UPLOADS

if TYPE_CHECKING:
    from gradus.data.remote.sources import Elsewhere

ANYWHERE = Path("/")
LISTED = "listed"
_SHARES = {Split.VAL: "validation_percent", Split.TEST: "test_percent"}


@dataclass(slots=True)
class Part:
    """The files of one split, relative to `root`; what of its source was passed over."""

    root: Path
    entries: list[Entry] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    groups: int | None = None  # that are kept together
    named: str = ""  # what is shown in place of `root`, where that is gone when the dataset is built
    elsewhere: Elsewhere | None = None  # from where the files are still to be fetched

    def whole(self) -> Iterator[Entry]:
        """The entries with whole paths."""
        return ((self.whole_name(file), label) for file, label in self.entries)

    def whole_name(self, file: str) -> str:
        """The whole path of a file, or its address."""
        return file if is_address(file) else f"{self.prefix}{file}"

    @property
    def prefix(self) -> str:
        """What makes whole paths of the files' names."""
        return str(self.named or self.root).rstrip("/") + "/"


Parts = dict[Split, Part]


@dataclass(slots=True)
class Plan:
    """All that is to be built. Class i has the name `labels[i]`."""

    labels: list[str]
    parts: Parts
    warnings: list[str] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)  # lines of lists that cannot be used
    groups: dict[str, str] = field(default_factory=dict)  # of files, as a table names them
    connections: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Let go of the connections by which files elsewhere are fetched."""
        self.connections.close()

    @property
    def count(self) -> int:
        """The number of files of all splits."""
        return sum(len(part.entries) for part in self.parts.values())


def collect(options: ClassificationOptions, watch: Watcher, space: Path) -> Plan:
    """Find the files. `watch` is told how many there are so far, and may raise to stop.

    What has to be unpacked is written below `space`, which belongs to the caller. The plan is to be closed when
    what it has `elsewhere` was fetched.
    `InputError` names the field whose source is no dataset, or leaves nothing to train on.
    """
    if options.method is Method.DIGITS:
        raise InputError("A dataset of DIGITS is taken over as it is: there is nothing to divide", field="method")
    if options.method is Method.TEXTFILE:
        plan = _lists(options, watch)
    elif options.method is Method.ARCHIVE:
        plan = _archives(options, watch, space)
    elif options.method is Method.MANIFEST:
        plan = _table(options, read_manifest(Path(options.train), _places(options, Split.TRAIN), watch))
    elif is_remote(options):
        plan = _drawn(options, watch, space)
    elif files := metadata_of(options):
        plan = _table(options, read_metadata(files, options.roots, watch))
    else:
        plan = _folders(options, watch)
    if key := grouping(options, plan.groups):
        _tell_groups(plan, options, key)
    _listed(plan, options, space)
    return plan


def _tell_groups(plan: Plan, options: ClassificationOptions, key: Key) -> None:
    """Count the groups of each split, and warn of what their keeping together could not reach."""
    found = {split: {key(file) for file, _ in part.entries} for split, part in plan.parts.items()}
    alone = sum(key(file) is None for part in plan.parts.values() for file, _ in part.entries)
    for split, groups in found.items():
        groups.discard(None)
        plan.parts[split].groups = len(groups)
        if options.percent(split) and not plan.parts[split].entries:
            plan.warnings.append(f"Nothing is left for {SHOWN[split]}: too few groups are kept together")
        if split is not Split.TRAIN and (shared := groups & found[Split.TRAIN]):
            plan.warnings.append(
                f"{len(shared):,} groups are in training and in {SHOWN[split]} too, which its source has"
            )
    if alone:
        plan.warnings.append(f"{alone:,} pictures belong to no group; each stands for itself")


def divide(
    entries: Sequence[Entry],
    labels: Sequence[str],
    root: Path,
    options: ClassificationOptions,
    groups: dict[str, str] | None = None,
) -> Parts:
    """Which training picture goes to which split, class by class. `InputError` where training gets nothing."""
    found = {split: Part(root) for split in Split}
    if key := grouping(options, groups or {}):
        shares = {split: options.percent(split) for split in (Split.VAL, Split.TEST)}
        taken = divide_groups(entries, key, shares, options.seed)
    else:
        taken = _divide_classes(entries, labels, options)
    for split, chosen in taken.items():
        found[split].entries = [entries[place] for place in (chosen if options.shuffle else sorted(chosen))]
    if not found[Split.TRAIN].entries:
        raise InputError(
            "Nothing is left to train on: validation and testing take all pictures",
            field="validation_percent",
            hint="Lower “% for validation” or “% for testing”.",
        )
    return found


def _divide_classes(
    entries: Sequence[Entry], labels: Sequence[str], options: ClassificationOptions
) -> dict[Split, list[int]]:
    """The places of each split's entries: of each class the shares that are asked for."""
    places: list[list[int]] = [[] for _ in labels]
    for place, (_, label) in enumerate(entries):
        places[label].append(place)
    taken: dict[Split, list[int]] = {split: [] for split in Split}
    for label, own in enumerate(places):
        mixed = shuffled(own, options.seed, f"split/{labels[label]}/{label}")
        at = 0
        shares = parts(len(mixed), options.percent(Split.VAL), options.percent(Split.TEST))
        for split, count in zip(Split, shares, strict=True):
            taken[split].extend(mixed[at : at + count])
            at += count
    return taken


def _folders(options: ClassificationOptions, watch: Watcher) -> Plan:
    listing = scan(Path(options.train), options, watch)
    entries = _entries(listing)
    watch(listing.count)
    plan = Plan(listing.labels, divide(entries, listing.labels, listing.folder, options), listing.warnings)
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
    given = sum(bool(options.source(split)) for split in Split)
    for split, part in plan.parts.items():
        inside = f"/{part.root.name}" if given < 1 + bool(unpacked.validation) + bool(unpacked.test) else ""
        part.named = (options.source(split) or options.train) + inside
    plan.warnings[:0] = warnings
    return plan


def _drawn(options: ClassificationOptions, watch: Watcher, space: Path) -> Plan:
    """Folders elsewhere, drawn on this disk and read as folders; what is chosen of them is still to be fetched."""
    from gradus.data.remote.sources import draw, opened  # what fetches is slow to load: not when the server starts

    with ExitStack() as connections:
        remotes = connections.enter_context(opened(options, watch))
        *_, drawing = draw(options, remotes, space, watch)
        plan = _folders(drawing.options, watch)
        for part in plan.parts.values():
            if within := drawing.at(part.root):
                part.elsewhere, part.named = within, within.shown
        plan.bad += drawing.bad
        plan.connections = connections.pop_all()
    if drawing.bad:
        plan.warnings.append(f"{len(drawing.bad):,} names there cannot be used; the dataset lists them")
    return plan


def _listed(plan: Plan, options: ClassificationOptions, space: Path) -> None:
    """Addresses that a list names are still to be fetched."""
    parts = [part for part in plan.parts.values() if part.root == ANYWHERE]
    found = [part for part in parts if any(is_address(file) for file, _ in part.entries)]
    if found:
        from gradus.data.remote.fetcher import Fetcher
        from gradus.data.remote.sources import Addresses

        (space / LISTED).mkdir(parents=True)
        fetcher = plan.connections.enter_context(Fetcher(Rules.of(options.hosts)))
        for part in found:
            part.elsewhere = Addresses(fetcher, space / LISTED)


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
    if not options.validation and not options.test:
        folders |= {FIELDS[split]: str(folder) for split, folder in split_folders(Path(folders["train"])).items()}
    return options.model_copy(update=folders), warnings


def _lists(options: ClassificationOptions, watch: Watcher) -> Plan:
    labels = read_labels(Path(options.labels))
    plan = Plan(labels, {})
    for split, named in FIELDS.items():
        if not options.source(split):
            continue
        path = Path(options.source(split))
        found = read_list(path, _places(options, split), len(labels), named, _after(plan.count, watch))
        plan.bad.extend(found.bad)
        if split is Split.TRAIN:
            plan.parts = divide(found.entries, labels, ANYWHERE, options)
        else:
            plan.parts[split] = Part(ANYWHERE, found.entries)
    if plan.bad:
        plan.warnings.append(f"{len(plan.bad):,} lines of the lists cannot be used; the dataset lists them")
    return plan


def _table(options: ClassificationOptions, table: Table) -> Plan:
    own: Parts = {
        split: Part(ANYWHERE) for split in (Split.VAL, Split.TEST) if any(s is split for _, _, s in table.rows)
    }
    options = options.model_copy(update={_SHARES[split]: 0 for split in own})
    rows = [(file, label) for file, label, split in table.rows if split not in own]
    counts = Counter(label for _, label in rows)
    least, most = max(options.minimum_per_class, least_for_all(options)), options.maximum_per_class
    labels = sorted((label for label, count in counts.items() if count >= least), key=_order(counts))
    if len(labels) < 2:
        raise InputError(
            f"Of {len(counts):,} labels of the table, {len(labels) or 'none'} has at least {least} training pictures; "
            "a classification needs at least two",
            field="train", file=escape(options.train), hint="Add pictures, or lower “Minimum samples per class”.",
        )  # fmt: skip
    numbers = {label: number for number, label in enumerate(labels)}
    entries = [(file, numbers[label]) for file, label in rows if label in numbers]
    if most is not None:
        entries = _at_most(entries, labels, most, options.seed)
    plan = Plan(labels, divide(entries, labels, ANYWHERE, options, table.groups), bad=table.bad, groups=table.groups)
    plan.parts[Split.TRAIN].left_out = sorted(counts.keys() - numbers.keys())
    for split, part in own.items():
        chosen = [(file, label) for file, label, s in table.rows if s is split]
        part.entries = [(file, numbers[label]) for file, label in chosen if label in numbers]
        part.unknown = sorted({label for _, label in chosen} - numbers.keys())
        plan.parts[split] = part
    if plan.bad:
        plan.warnings.append(f"{len(plan.bad):,} rows of the table cannot be used; the dataset lists them")
    return plan


def _at_most(entries: list[Entry], labels: Sequence[str], most: int, seed: int) -> list[Entry]:
    """At most so many of each class, chosen at random with the seed, in the order they had."""
    kept: list[int] = []
    for number, label in enumerate(labels):
        places = [place for place, (_, own) in enumerate(entries) if own == number]
        kept.extend(places if len(places) <= most else sampled(places, most, seed, f"maximum/{label}"))
    return [entries[place] for place in sorted(kept)]


def _order(labels: Iterable[str]) -> Callable[[str], tuple[int, bytes]]:
    """Numbers are sorted as such, so that class 10 comes after class 9; other labels by their bytes."""
    numbers = all(label.isascii() and label.isdigit() for label in labels)
    return lambda label: (int(label) if numbers else 0, label.encode("utf-8", "surrogateescape"))


def _places(options: ClassificationOptions, split: Split) -> Places:
    """Where the relative paths of a list or table start; beside it, but nothing lies beside what was sent."""
    path, folder = Path(options.source(split)), options.folder_of(split)
    beside = None if path.parent.parent.name == UPLOADS else path.parent
    return Places(Path(folder) if folder else beside, options.roots, Rules.of(options.hosts))


def _entries(listing: Listing, labels: Sequence[str] | None = None) -> list[Entry]:
    """A folder's files, class by class; under the numbers that training gave the classes, if `labels` are given."""
    numbers = [labels.index(c.label) if labels is not None else i for i, c in enumerate(listing.classes)]
    return [(file, number) for number, group in zip(numbers, listing.classes, strict=True) for file in group.files]


def _after(before: int, watch: Watcher) -> Watcher:
    """A watcher that counts on."""
    return lambda found: watch(before + found)
