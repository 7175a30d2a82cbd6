"""A classification dataset built from a folder of pictures.

Everything is made in a temporary folder beside its final place and moved there when all of it is on
the disk; `dataset.json` comes last. The same pictures, options and seed give the same databases.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import BadFile, DatasetFacts, Split, SplitFacts
from gradus.core.errors import InputError
from gradus.core.report import Report
from gradus.data.choice import choose_encoding
from gradus.data.collect import ANYWHERE, Part, Plan, collect
from gradus.data.facts import FILE, write_facts
from gradus.data.files import remove_leftovers, replace_folder, write_text, writing
from gradus.data.lists import entry_lines, label_lines
from gradus.data.mean import Sum, write_mean, write_picture
from gradus.data.memory import reuse_memory
from gradus.data.seeded import shuffled
from gradus.data.work import Done, Recipe, in_order
from gradus.data.writers.writer import open_writer

BUILDING = ".building-"
UNREADABLE = "unreadable.jsonl"
SCANNED = 0.02  # the share of the progress that finding the files is given
SHOWN = 3  # unreadable files named in an error
EACH = 0.5  # seconds between two reports


class Stopped(Exception):
    """The work was asked to stop and left nothing half done."""


@dataclass(slots=True)
class _Build:
    """One build as it goes on."""

    options: ClassificationOptions
    folder: Path
    report: Report
    files: int = 0  # to be read in all
    read: int = 0
    bad: list[BadFile] = field(default_factory=list)
    reason: str = ""  # why this encoding
    started: float = field(default_factory=time.monotonic)
    _reported: float = 0.0

    def look(self) -> None:
        """Stop if that has been asked for."""
        if self.report.stopping():
            raise Stopped("the dataset was not built: it was asked to stop")

    def found(self, files: int) -> None:
        """Tell how many files have been found."""
        self.look()
        self.report.progress(0.0, f"looking for pictures: {files:,} found")

    def take(self, done: Done, split: Split, at: int, of: int, began: float) -> None:
        """Count a finished chunk, tell how far it is, and give up when too much cannot be read."""
        self.read += len(done.records) + len(done.bad)
        self.bad.extend(done.bad)
        self._judge()
        now = time.monotonic()
        if now - self._reported >= EACH or at == of:
            self._reported = now
            fraction = SCANNED + (1 - SCANNED) * self.read / self.files
            rate = at / (now - began) if now > began else None
            self.report.progress(min(fraction, 0.999), f"building {split}: {at:,} of {of:,}", rate)

    def _judge(self) -> None:
        if len(self.bad) * 100 <= self.options.unreadable_percent * self.files:
            return
        good = self.read - len(self.bad)
        many = "None" if not good else f"Only {good:,}"
        shown = "; ".join(f"{bad.file}: {bad.reason}" for bad in self.bad[:SHOWN])
        raise InputError(
            f"{many} of the first {self.read:,} of {self.files:,} files could be read, and at most "
            f"{self.options.unreadable_percent:g} % may be unreadable. {shown}",
            field="train",
            file=self.bad[0].file,
            hint="Repair or remove these files, or allow more with “% unreadable allowed”.",
        )


def build_classification(options: ClassificationOptions, folder: Path, report: Report) -> DatasetFacts:
    """Read the pictures under `options.train` and write the databases, mean and lists into `folder`.

    Raises `Stopped` within a second of being asked to stop, `InputError` where the pictures are no
    dataset, `StorageFullError` where the disk is full; then no database is there.
    """
    reuse_memory()
    build = _Build(options, folder, report)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)
    remove_leftovers(folder)
    remove_leftovers(folder, BUILDING)
    temporary = folder / f"{BUILDING}databases"
    try:
        with writing("the dataset", folder):
            temporary.mkdir()
            plan = collect(options, build.found, temporary / "unpacked")
            for warning in plan.warnings:
                report.warning(warning)
            build.files = plan.count + len(plan.bad)
            build.bad, build.read = list(plan.bad), len(plan.bad)
            files = (file for file, _ in plan.parts[Split.TRAIN].entries)
            encoding, build.reason = choose_encoding(options, files)
            build.options = options.model_copy(update={"encoding": encoding})
            return _write(build, plan, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(build: _Build, plan: Plan, temporary: Path) -> DatasetFacts:
    folder, options = build.folder, build.options
    write_text(folder / "labels.txt", label_lines(plan.labels))
    for split, part in plan.parts.items():
        write_text(folder / f"{split}.txt", entry_lines(part.whole()))
    total = Sum((options.height, options.width, options.channels))
    splits = [
        _database(build, plan, split, temporary, total if split is Split.TRAIN else None)
        for split, part in plan.parts.items()
        if part.entries
    ]
    mean = total.mean()
    backwards = mean[..., ::-1].transpose(2, 0, 1)  # blue, green, red planes
    write_mean(folder / "mean.binaryproto", backwards)
    write_picture(folder / "mean.jpg", mean)
    write_text(folder / UNREADABLE, "".join(bad.model_dump_json() + "\n" for bad in build.bad))
    if build.bad:
        build.report.warning(f"{len(build.bad):,} of {build.files:,} files could not be read; the dataset lists them")
    for split in Split:
        filled = any(facts.split == split and facts.count for facts in splits)
        _place(temporary / f"{split}_db" if filled else None, folder / f"{split}_db")
    facts = DatasetFacts(
        labels=plan.labels,
        width=options.width,
        height=options.height,
        channels=options.channels,
        resize_mode=options.resize_mode,
        encoding=options.encoding,
        encoding_reason=build.reason,
        backend=options.backend,
        compression=options.compression,
        splits=splits,
        mean_pixel=backwards.mean(axis=(1, 2)).tolist(),
        unreadable=len(build.bad),
        left_out=plan.parts[Split.TRAIN].left_out,
        seconds=round(time.monotonic() - build.started, 3),
    )
    write_facts(folder, facts)
    build.report.progress(1.0, "done")
    return facts


def _database(build: _Build, plan: Plan, split: Split, temporary: Path, total: Sum | None) -> SplitFacts:
    """Build one database; adds its pixels to `total` if that is given."""
    source = plan.parts[split]
    part = source.entries
    if split is Split.TRAIN and build.options.shuffle:
        part = shuffled(part, build.options.seed, "order")
    counts = [0] * len(plan.labels)
    apart = source.root != plan.parts[Split.TRAIN].root
    shown = source.prefix if apart or source.root == ANYWHERE else ""
    recipe = Recipe(root=str(source.root).rstrip("/"), options=build.options, summed=total is not None, shown=shown)
    began = told = time.monotonic()
    at = 0
    with open_writer(build.options, temporary / f"{split}_db") as writer:
        for done in in_order(recipe, part, build.look):
            writer.append(done.records)
            at += len(done.records) + len(done.bad)
            _count(counts, (label for label, _ in done.records))
            if total is not None and done.total is not None:
                total.merge(done.total)
            build.take(done, split, at, len(part), began)
            if time.monotonic() - told >= EACH:
                told = time.monotonic()
                build.report.counts(split, plan.labels, counts)
        if not writer.count and split is Split.TRAIN:
            raise InputError(
                f"None of the {len(part):,} files for {split} could be read. "
                f"{build.bad[-1].file}: {build.bad[-1].reason}",
                field="train",
                file=build.bad[-1].file,
            )
        size = writer.close()
    build.report.counts(split, plan.labels, counts)
    own = source if split is not Split.TRAIN else Part(source.root)
    return SplitFacts(
        split=split,
        count=sum(counts),
        class_counts=counts,
        bytes=size,
        unknown=own.unknown,
        left_out=own.left_out,
        groups=source.groups,
    )


def _count(counts: list[int], labels: Iterable[int]) -> None:
    for label in labels:
        counts[label] += 1


def _place(built: Path | None, final: Path) -> None:
    """Move a finished database to its place, or remove an old one that has no successor."""
    if built is not None:
        replace_folder(built, final)
    elif final.exists():
        shutil.rmtree(final)
