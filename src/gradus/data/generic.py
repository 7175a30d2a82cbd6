"""A generic dataset built from what a kind of data finds: DIGITS' layout, `train_db/features` and `train_db/labels`.

Samples are made in threads and written in order. Everything is made in a temporary folder and moved to its place
when all of it is on the disk; `dataset.json` comes last. The same files, options and seed give the same databases.
"""

from __future__ import annotations

import hashlib
import time
from array import array
from collections.abc import Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import numpy as np

from gradus.core.dataset import BadFile, Encoding, Split
from gradus.core.errors import InputError
from gradus.core.form import fields_of, shown_of
from gradus.core.generic import GenericFacts, GenericOptions, GenericSplit, Presentation, RecordForm
from gradus.core.report import Report
from gradus.data.arrays import FEATURES, LABELS, Record, encode_record, is_picture
from gradus.data.building import Building, settle
from gradus.data.facts import write_facts
from gradus.data.files import write_text
from gradus.data.index import FOLDER as INDEX
from gradus.data.index import IndexWriter
from gradus.data.lists import escape, label_lines
from gradus.data.marked import write_marked
from gradus.data.mean import Sum, write_mean, write_picture
from gradus.data.memory import reuse_memory
from gradus.data.ordered import CHUNK_BYTES, in_order
from gradus.data.quality.finish import finish
from gradus.data.quality.measure import GRAY, Look, Taken, finished, look_at, unpadded
from gradus.data.seeded import shuffled
from gradus.data.threads import cores
from gradus.data.versions import without_of
from gradus.data.writers.lmdb import LmdbWriter, numbered
from gradus.plugins.data import Decoder, Entry, Kind, Sample, Scan

WORDS = ("are without fault", "have one", "have a fault")
MOST_REMARKS = 5  # of one file, that are listed
LOOKED_AT = 5  # entries, of which one may be a sample
NO_LOOKS = Look(np.zeros((GRAY, GRAY), np.uint8), 0.0)


@dataclass(frozen=True, slots=True)
class Made:
    """One entry's sample with its records, or why there is none."""

    entry: Entry
    sample: Sample | None = None
    feature: Record | None = None
    label: Record | None = None
    taken: Taken | None = None
    reason: str = ""


@dataclass(slots=True)
class Database:
    """One split as it is written. Records have the form of the first, where they have to be alike."""

    count: int = 0
    class_counts: list[int] = field(default_factory=list)
    marked: array[int] = field(default_factory=lambda: array("I"))  # pairs of a sample's number and a class in it
    feature: RecordForm | None = None
    label: RecordForm | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the entries of a chunk are made samples and records."""

    decoder: Decoder
    options: GenericOptions
    presentation: Presentation
    without: Set[tuple[str, bytes]] = frozenset()  # names of samples and the SHA-256 of their features

    def __call__(self, entries: Sequence[Entry], halt: Event) -> list[Made]:
        """Make the samples of one chunk, or of the start of it once `halt` is set."""
        made: list[Made] = []
        for entry in entries:
            if halt.is_set():
                break
            made.append(self._make(entry))
        return made

    def size(self, entries: Sequence[Entry]) -> int:
        """How many entries a chunk has: at most those asked for, and fewer the larger the first sample is."""
        made = next((made for made in map(self._make, entries[:LOOKED_AT]) if made.sample is not None), None)
        if made is None or made.sample is None:
            return self.options.batch_size
        arrays = (made.sample.feature, made.sample.label)
        taken = sum(each.nbytes for each in arrays if isinstance(each, np.ndarray))
        taken += sum(len(record.data) for record in (made.feature, made.label) if record)
        return max(1, min(self.options.batch_size, CHUNK_BYTES // max(1, taken)))

    def _make(self, entry: Entry) -> Made:
        try:
            sample = self.decoder(entry)
            feature = encode_record(sample.feature, self.options.feature_encoding)
            label = None if sample.label is None else encode_record(sample.label, self.options.label_encoding)
        except InputError as error:
            return Made(entry, reason=str(error))
        digest = hashlib.sha256(feature.data).digest()
        if (entry.name, digest) in self.without:
            return Made(entry)
        return Made(entry, sample, feature, label, self._take(entry, sample, feature, digest))

    def _take(self, entry: Entry, sample: Sample, feature: Record, digest: bytes) -> Taken:
        """What the index keeps; nothing of its looks where it is no picture."""
        pixels = sample.feature
        looks = not isinstance(pixels, bytes) and is_picture(pixels) and self.presentation is not Presentation.TEXT
        has_class = self.presentation in (Presentation.CLASSES, Presentation.TEXT) and len(sample.counts) == 1
        number = next(iter(sample.counts)) if has_class else -1
        if not looks:
            return Taken(entry.name, len(feature.data), digest, (0, 0), number, 0, NO_LOOKS)
        shown = np.asarray(pixels, np.uint8)
        size = sample.size or (shown.shape[1], shown.shape[0])
        return Taken(entry.name, len(feature.data), digest, size, number, 0, look_at(unpadded(shown)))


def build_generic(kind: Kind, options: GenericOptions, folder: Path, report: Report) -> GenericFacts:
    """Scan, decode and write the databases, mean and lists into `folder`.

    Raises `Stopped` soon after being asked to stop, `InputError` where there is no dataset or too much of it cannot
    be used, `StorageFullError` where the disk is full; then no database is there.
    """
    reuse_memory()
    build = Building(options, folder, report, named=_source(options), words=WORDS)
    with build.workspace() as temporary:
        scan = kind.scan(options, build.found)
        for warning in scan.warnings:
            report.warning(warning)
        build.files = sum(map(len, scan.entries.values())) + len(scan.bad)
        build.read, build.bad = len(scan.bad), list(scan.bad)
        if not scan.entries.get(Split.TRAIN):
            shown = "; ".join(f"{bad.file}: {bad.reason}" for bad in scan.bad[:3])
            raise InputError(f"There is nothing to train on. {shown}".strip(), field=build.named)
        build.judge()
        decoder = kind.prepare(options, scan)
        without = without_of(folder, options.version)
        means: list[Sum] = []
        splits: list[GenericSplit] = []
        for split in filter(scan.entries.get, Split):
            like = splits[0].feature if splits else None
            recipe = Recipe(decoder, options, kind.presentation, without[split])
            splits.append(_database(build, recipe, scan, split, like, temporary / f"{split}_db", means))
        return _finish(build, kind, scan, splits, means, temporary)


def _finish(
    build: Building, kind: Kind, scan: Scan, splits: list[GenericSplit], means: list[Sum], temporary: Path
) -> GenericFacts:
    folder = build.folder
    write_text(folder / "labels.txt", label_lines(map(escape, scan.labels)))
    mean_pixel = _mean(means, temporary / f"{Split.TRAIN}_db") if splits[0].feature.shape else None
    build.list_bad()
    finish(build, temporary, *_balanced(kind, scan, splits), sum(facts.count for facts in splits), None)
    for split in Split:
        filled = any(facts.split == split and facts.count for facts in splits)
        settle(temporary / f"{split}_db" if filled else None, folder / f"{split}_db")
    facts = GenericFacts(
        type=kind.id,
        presentation=kind.presentation,
        labels=scan.labels,
        palette=scan.palette,
        ignored=scan.ignored,
        splits=splits,
        mean_pixel=mean_pixel,
        unreadable=len(build.bad),
        warnings=scan.warnings,
        user=scan.user,
        seconds=build.seconds,
    )
    write_facts(folder, facts)
    build.report.progress(1.0, "done")
    return facts


def _balanced(kind: Kind, scan: Scan, splits: list[GenericSplit]) -> tuple[list[str], dict[Split, Sequence[int]]]:
    """The classes that are to be learned, and how often each is marked; of masks nothing, where pixels are counted."""
    if kind.presentation is Presentation.MASK:
        return [], {}
    kept = [number for number in range(len(scan.labels)) if number != scan.ignored]
    counts: dict[Split, Sequence[int]] = {
        facts.split: [facts.class_counts[number] for number in kept] for facts in splits
    }
    return [scan.labels[number] for number in kept], counts


def _database(
    build: Building,
    recipe: Recipe,
    scan: Scan,
    split: Split,
    like: RecordForm | None,
    target: Path,
    means: list[Sum],
) -> GenericSplit:
    """Write the features, which are to be `like` others, and labels of one split; `means` sums up training pictures."""
    entries, options = scan.entries[split], recipe.options
    if split is Split.TRAIN:
        entries = shuffled(entries, options.seed, "order")
    written = Database(class_counts=[0] * len(scan.labels), feature=like)
    began, at = time.monotonic(), 0
    with ExitStack() as stack:
        writers: dict[str, LmdbWriter] = {}
        index = stack.enter_context(IndexWriter(target.with_name(INDEX), split))
        threads = min(options.num_threads, cores())
        for chunk in in_order(recipe, entries, recipe.size(entries), build.look, threads):
            bad: list[BadFile] = []
            taken: list[Taken] = []
            for made in chunk:
                if not made.reason and made.sample is None:
                    continue  # left out
                reason = made.reason or _misfit(written, made, options.force_same_shape)
                if reason:
                    bad.append(BadFile(file=escape(made.entry.name), reason=reason))
                    continue
                assert made.sample is not None and made.feature is not None and made.taken is not None
                taken.append(made.taken)
                for name, record in ((FEATURES, made.feature), (LABELS, made.label)):
                    if record is not None:
                        if name not in writers:
                            writers[name] = stack.enter_context(LmdbWriter(target / name, numbered))
                        writers[name].append([(0, record.data)])
                _count(written, made)
                if split is Split.TRAIN:
                    _sum(means, made.sample)
                bad.extend(_remarks(made))
            index.append(finished(taken))
            at += len(chunk)
            if build.take(len(chunk), bad, split, at, len(entries), began) and scan.labels:
                build.report.counts(split, scan.labels, written.class_counts)
        if not written.count and split is Split.TRAIN and not build.bad:
            raise InputError("All samples for training are left out", field="version")
        if not written.count and split is Split.TRAIN:
            raise InputError(
                f"None of the {len(entries):,} samples for training can be used. "
                f"{build.bad[-1].file}: {build.bad[-1].reason}",
                field=build.named,
                file=build.bad[-1].file,
            )
        size = sum(writer.close() for writer in writers.values())
        index.close()
    if scan.labels and written.count:
        write_marked(target, written.marked)
    empty = RecordForm(shape=None, encoding=Encoding.RAW, number="uint8")
    return GenericSplit(
        split=split,
        count=written.count,
        class_counts=written.class_counts,
        bytes=size,
        feature=written.feature or empty,
        label=written.label,
    )


def _misfit(written: Database, made: Made, alike: bool) -> str:
    """Why a sample does not go with the first of its database; nothing if it does."""
    for what, first, record in (("feature", written.feature, made.feature), ("label", written.label, made.label)):
        if written.count and (first is None) != (record is None):
            return "it has a label, and the first sample has none" if first is None else "it has no label"
        if first and record and alike and first.shape != record.form.shape:
            return (
                f"its {what} has the shape {_shape(record.form)}, and that of the first sample is {_shape(first)}; "
                "“Enforce same shape” refuses that"
            )
    return ""


def _shape(form: RecordForm) -> str:
    return " x ".join(map(str, form.shape)) if form.shape else "of its own"


def _count(written: Database, made: Made) -> None:
    assert made.feature is not None and made.sample is not None
    written.count += 1
    written.feature = _joint(written.feature, made.feature.form)
    written.label = _joint(written.label, made.label.form) if made.label else None
    for number, times in made.sample.counts.items():
        if 0 <= number < len(written.class_counts):
            written.class_counts[number] += times
            written.marked.extend((written.count - 1, number))


def _joint(first: RecordForm | None, form: RecordForm) -> RecordForm:
    """The form of all records so far."""
    if first is None or first == form:
        return form
    return first if first.shape == form.shape else first.model_copy(update={"shape": None})


def _remarks(made: Made) -> list[BadFile]:
    assert made.sample is not None
    remarks = list(made.sample.remarks)
    if not remarks:
        return []
    more = f"; and {len(remarks) - MOST_REMARKS} more" if len(remarks) > MOST_REMARKS else ""
    return [BadFile(file=escape(made.entry.name), reason="; ".join(remarks[:MOST_REMARKS]) + more, kept=True)]


def _sum(means: list[Sum], sample: Sample) -> None:
    """Count a training picture into the mean; there is none once one has another shape or is no picture."""
    feature = sample.feature
    if isinstance(feature, bytes) or not is_picture(feature):
        return
    pixels = np.asarray(feature, np.uint8)
    deep = pixels if pixels.ndim == 3 else pixels[..., None]
    if not means:
        means.append(Sum(deep.shape))
    if means[0].shape == deep.shape:
        means[0].add(deep)


def _mean(means: list[Sum], folder: Path) -> list[float] | None:
    """Write the mean picture beside the databases, as DIGITS does; the mean of each channel."""
    if not means:
        return None
    mean = means[0].mean()
    backwards = mean[..., ::-1].transpose(2, 0, 1)  # blue, green, red planes
    write_mean(folder / "mean.binaryproto", backwards)
    write_picture(folder / "mean.jpg", mean)
    channels: list[float] = backwards.mean(axis=(1, 2)).tolist()
    return channels


def _source(options: GenericOptions) -> str:
    """The field that says where the samples are: the first that names a folder or file."""
    return next((name for name, info in fields_of(type(options)).items() if shown_of(info).path), "name")
