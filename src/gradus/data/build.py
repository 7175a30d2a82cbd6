"""A classification dataset built from a folder of pictures.

Everything is made in a temporary folder beside its final place and moved there when all of it is on
the disk; `dataset.json` comes last. The same pictures, options and seed give the same databases.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetFacts, Split, SplitFacts
from gradus.core.errors import InputError
from gradus.core.report import Report
from gradus.data.building import Building, settle
from gradus.data.choice import choose_encoding
from gradus.data.collect import ANYWHERE, Part, Plan, collect
from gradus.data.facts import write_facts
from gradus.data.fetching import fetch, prune
from gradus.data.files import write_parts, write_text
from gradus.data.grouping import grouping
from gradus.data.index import FOLDER as INDEX
from gradus.data.index import IndexWriter
from gradus.data.lists import entry_parts, label_lines
from gradus.data.mean import Sum, write_mean, write_picture
from gradus.data.memory import reuse_memory
from gradus.data.ordered import in_order
from gradus.data.quality.finish import finish
from gradus.data.quality.measure import Measure
from gradus.data.seeded import shuffled
from gradus.data.versions import without_of
from gradus.data.work import Recipe
from gradus.data.writers.writer import open_writer

UNPACKED = "unpacked"
COPIES = "pictures"  # that were fetched, where they are kept


def build_classification(options: ClassificationOptions, folder: Path, report: Report) -> DatasetFacts:
    """Read the pictures under `options.train` and write the databases, mean and lists into `folder`.

    Raises `Stopped` within a second of being asked to stop, `InputError` where the pictures are no
    dataset, `StorageFullError` where the disk is full; then no database is there.
    """
    reuse_memory()
    build = Building(options, folder, report)
    with build.workspace() as temporary:
        with closing(collect(options, build.found, temporary / UNPACKED)) as plan:
            for warning in plan.warnings:
                report.warning(warning)
            build.files = plan.count + len(plan.bad)
            build.bad, build.read = list(plan.bad), len(plan.bad)
            fetch(plan, build)
        encoding, reason = choose_encoding(options, (file for file, _ in plan.parts[Split.TRAIN].entries))
        return _write(build, options.model_copy(update={"encoding": encoding}), reason, plan, temporary)


def _write(build: Building, options: ClassificationOptions, reason: str, plan: Plan, temporary: Path) -> DatasetFacts:
    folder = build.folder
    write_text(folder / "labels.txt", label_lines(plan.labels))
    for split, part in plan.parts.items():
        write_parts(folder / f"{split}.txt", entry_parts(part.whole(), build.look))
    total = Sum((options.height, options.width, options.channels))
    splits = [
        _database(build, options, plan, split, temporary, total if split is Split.TRAIN else None)
        for split, part in plan.parts.items()
        if part.entries
    ]
    mean = total.mean()
    backwards = mean[..., ::-1].transpose(2, 0, 1)  # blue, green, red planes
    write_mean(folder / "mean.binaryproto", backwards)
    write_picture(folder / "mean.jpg", mean)
    build.list_bad()
    finish(
        build, temporary, plan.labels, {facts.split: facts.class_counts for facts in splits},
        sum(facts.count for facts in splits), (options.width, options.height),
    )  # fmt: skip
    for split in Split:
        filled = any(facts.split == split and facts.count for facts in splits)
        settle(temporary / f"{split}_db" if filled else None, folder / f"{split}_db")
    if options.keep_copies:
        prune(temporary / UNPACKED)
        settle(temporary / UNPACKED, folder / COPIES)
    facts = DatasetFacts(
        labels=plan.labels,
        width=options.width,
        height=options.height,
        channels=options.channels,
        resize_mode=options.resize_mode,
        encoding=options.encoding,
        encoding_reason=reason,
        backend=options.backend,
        compression=options.compression,
        splits=splits,
        mean_pixel=backwards.mean(axis=(1, 2)).tolist(),
        unreadable=len(build.bad) + len(build.noted),
        left_out=plan.parts[Split.TRAIN].left_out,
        seconds=build.seconds,
    )
    write_facts(folder, facts)
    build.report.progress(1.0, "done")
    return facts


def _database(
    build: Building, options: ClassificationOptions, plan: Plan, split: Split, temporary: Path, total: Sum | None
) -> SplitFacts:
    """Build one database; adds its pixels to `total` if that is given."""
    source = plan.parts[split]
    part, source.entries = source.entries, []  # so that a million names are gone before samples are compared
    if split is Split.TRAIN and options.shuffle:
        part = shuffled(part, options.seed, "order")
    counts = [0] * len(plan.labels)
    apart = source.root != plan.parts[Split.TRAIN].root
    shown = source.prefix if apart or source.root == ANYWHERE else ""
    measure = Measure(grouping(options, plan.groups), without_of(build.folder, options.version)[split])
    recipe = Recipe(
        root=str(source.root).rstrip("/"), options=options, summed=total is not None, shown=shown, measure=measure,
        copy_of=source.elsewhere.copy_of if source.elsewhere else None,
    )  # fmt: skip
    size, threads = recipe.division(part)
    began = time.monotonic()
    at = 0
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(options, temporary / f"{split}_db"))
        index = stack.enter_context(IndexWriter(temporary / INDEX, split, source.prefix))
        for done in in_order(recipe, part, size, build.look, threads):
            writer.append(done.records)
            index.append(done.measured)
            build.noted.extend(done.noted)
            at += done.read
            _count(counts, (label for label, _ in done.records))
            if total is not None and done.total is not None:
                total.merge(done.total)
            if build.take(done.read, done.bad, split, at, len(part), began):
                build.report.counts(split, plan.labels, counts)
        if not writer.count and split is Split.TRAIN:
            if not build.bad:
                raise InputError("All samples for training are left out", field="version")
            raise InputError(
                f"None of the {len(part):,} files for {split} could be read. "
                f"{build.bad[-1].file}: {build.bad[-1].reason}",
                field="train",
                file=build.bad[-1].file,
            )
        written = writer.close()
        index.close()
    build.report.counts(split, plan.labels, counts)
    own = source if split is not Split.TRAIN else Part(source.root)
    return SplitFacts(
        split=split,
        count=sum(counts),
        class_counts=counts,
        bytes=written,
        unknown=own.unknown,
        left_out=own.left_out,
        groups=source.groups,
    )


def _count(counts: list[int], labels: Iterable[int]) -> None:
    for label in labels:
        counts[label] += 1
