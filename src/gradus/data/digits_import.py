"""A classification dataset of DIGITS becomes one here: every record is decoded, then the files are taken over.

Databases are copied as they are if all their records can be used; if some cannot, the others are written anew, so
that records are numbered without gaps. Records, not the job's pickle, say what the pictures are.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import BadFile, DatasetFacts, ResizeMode, Split, SplitFacts
from gradus.core.errors import InputError
from gradus.core.report import Report
from gradus.data.adopt import checked, copy_files
from gradus.data.building import Building, settle
from gradus.data.datum import decode_datum
from gradus.data.digits_job import DigitsJob, Geometry, list_lines, look
from gradus.data.facts import write_facts
from gradus.data.files import write_text
from gradus.data.index import FOLDER as INDEX
from gradus.data.index import IndexWriter
from gradus.data.lists import entry_lines, label_lines
from gradus.data.mean import Sum, read_mean, write_mean, write_picture
from gradus.data.quality.finish import finish
from gradus.data.quality.measure import Taken as Seen
from gradus.data.quality.measure import finished, look_at
from gradus.data.readers.database import Numbered
from gradus.data.readers.lmdb import label_of
from gradus.data.records import fill
from gradus.data.versions import Named, without_of
from gradus.data.wire import Buffer
from gradus.data.writers.lmdb import labelled
from gradus.data.writers.writer import open_writer

FIELD = "train"
RESIZED = "as DIGITS made it; how it fitted pictures is not told outside its pickle, so “squash” is assumed"


@dataclass(slots=True)
class Taken:
    """One database, read through: the keys and labels of what can be used, and whether that is all of it."""

    keys: list[bytes] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """Decodes and measures one record; gives its pixels too if `summed`. `InputError` if it is not as the first was."""

    geometry: Geometry
    classes: int  # 0 where their names are not known
    summed: bool

    def __call__(self, key: bytes, record: Buffer) -> tuple[bytes, Seen, NDArray[np.uint8] | None]:
        """Decode it. Until its file is known it is named by its key."""
        pixels = np.empty((self.geometry.height, self.geometry.width, self.geometry.channels), np.uint8)
        fill(pixels, record)
        datum = decode_datum(record)
        label = datum.label
        if label < 0 or 0 < self.classes <= label:
            raise InputError(f"its label is {label}, and there are {self.classes:,} classes, counted from 0")
        colours = np.ascontiguousarray(pixels[..., ::-1])
        size = self.geometry.width, self.geometry.height
        name, digest = key.decode(errors="replace"), hashlib.sha256(datum.data).digest()
        found = Seen(name, len(datum.data), digest, size, label, 0, look_at(colours))
        return key, found, pixels if self.summed else None


def import_classification(options: ClassificationOptions, folder: Path, report: Report) -> DatasetFacts:
    """Take over the dataset in the folder `options.train` into `folder`.

    Raises as `build_classification` does; then no database is there.
    """
    build = Building(options, folder, report, named=FIELD, words=("can be used", "be broken", "cannot be used"))
    with build.workspace() as temporary, ExitStack() as stack:
        job = look(Path(options.train), FIELD, options.roots)
        geometry, labels = job.geometry(), job.labels()
        opened = {split: job.open(split) for split in Split if split in job.databases}
        for database in opened.values():
            stack.callback(database.close)
        build.files = sum(map(len, opened.values()))
        mean = _own_mean(build, job, geometry)
        total = Sum((geometry.height, geometry.width, geometry.channels)) if mean is None else None
        taken: dict[Split, Taken] = {}
        without = without_of(folder, options.version)
        for split, database in opened.items():
            summed = total if split is Split.TRAIN else None
            check = Check(geometry, len(labels), summed is not None)
            names = _names(build, job, split, database)
            index = stack.enter_context(IndexWriter(temporary / INDEX, split))
            taken[split] = _read(build, split, database, check, names, index, without[split], summed)
            index.close()
        labels = labels or [str(number) for number in range(1 + max(taken[Split.TRAIN].labels))]
        splits = [
            SplitFacts(
                split=split,
                count=len(part.keys),
                class_counts=np.bincount(part.labels, minlength=len(labels)).tolist(),
                bytes=_write(build, job, geometry, split, part, opened[split], temporary),
            )
            for split, part in taken.items()
            if part.keys
        ]
        if total is not None:
            mean = total.mean().transpose(2, 0, 1)
        assert mean is not None
        return _finish(build, job, geometry, labels, splits, mean, temporary)


def _read(
    build: Building,
    split: Split,
    database: Numbered,
    check: Check,
    names: Sequence[str],
    index: IndexWriter,
    without: Set[Named],
    total: Sum | None,
) -> Taken:
    """Check every record, and keep what is known of those that are not left out; `total` sums up their pixels."""
    taken = Taken()
    began, at, of = time.monotonic(), 0, len(database)
    for chunk in checked(database, check, build.look):
        bad = [done for done in chunk if isinstance(done, BadFile)]
        measured: list[Seen] = []
        for place, done in enumerate(chunk, at):
            if isinstance(done, BadFile):
                continue
            key, found, pixels = done
            named = found._replace(name=names[place]) if names else found
            if (named.name, named.sha256) in without:
                taken.whole = False
                continue
            taken.whole &= key == labelled(len(taken.keys), found.label)
            taken.keys.append(key)
            taken.labels.append(found.label)
            measured.append(named)
            if total is not None and pixels is not None:
                total.add(pixels)
        index.append(finished(measured))
        at += len(chunk)
        taken.whole &= not bad
        build.take(len(chunk), bad, split, at, of, began)
    if split is Split.TRAIN and not taken.keys:
        raise InputError("No record for training can be used", field=FIELD, file=str(database.path))
    return taken


def _write(
    build: Building, job: DigitsJob, geometry: Geometry, split: Split, taken: Taken, database: Numbered, space: Path
) -> int:
    """Take over a database, its files or what of it can be used; the bytes of what was written."""
    target = space / f"{split}_db"
    if taken.whole:
        return copy_files(job.files(split), target, build.look)
    options = build.options.model_copy(update={"backend": geometry.backend})
    assert isinstance(options, ClassificationOptions)
    with open_writer(options, target) as writer, database.records(taken.keys) as records:
        for label, record in zip(taken.labels, records, strict=True):
            build.look()
            writer.append([(label, bytes(record))])
        return writer.close()


def _names(build: Building, job: DigitsJob, split: Split, database: Numbered) -> list[str]:
    """The files of the records, if the list has their classes in the same order: DIGITS may have mixed the records.

    Warns where the database has another number of records than the list has lines.
    """
    path = job.file(f"{split}.txt")
    if path is None:
        return []
    lines, count = list(list_lines(path)), len(database)
    if len(lines) != count:
        build.report.warning(
            f"{path.name} names {len(lines):,} pictures, and {split}_db has {count:,} records: "
            + ("DIGITS could not read the others" if len(lines) > count else "they are not of the same dataset")
        )
        return []
    alike = all(label == label_of(key) for (_, label), key in zip(lines, database.keys(), strict=True))
    return [name for name, _ in lines] if alike else []


def _own_mean(build: Building, job: DigitsJob, geometry: Geometry) -> NDArray[np.floating] | None:
    """The mean that DIGITS made, blue, green, red; None where there is none of use."""
    path = job.file("mean.binaryproto")
    if path is None:
        return None
    try:
        mean = read_mean(path)
    except InputError as error:
        build.report.warning(f"The mean is made anew: {error}")
        return None
    if mean.shape != (geometry.channels, geometry.height, geometry.width):
        build.report.warning(f"The mean is made anew: that of DIGITS has the shape {list(mean.shape)}")
        return None
    return mean


def _finish(
    build: Building,
    job: DigitsJob,
    geometry: Geometry,
    labels: list[str],
    splits: list[SplitFacts],
    mean: NDArray[np.floating],
    temporary: Path,
) -> DatasetFacts:
    folder = build.folder
    write_text(folder / "labels.txt", label_lines(labels))
    for split in job.databases:
        path = job.file(f"{split}.txt")
        write_text(folder / f"{split}.txt", entry_lines(list_lines(path)) if path else "")
    write_mean(folder / "mean.binaryproto", mean)
    write_picture(folder / "mean.jpg", mean[::-1].transpose(1, 2, 0))
    build.list_bad()
    counts = {split.split: split.class_counts for split in splits}
    finish(build, temporary, labels, counts, sum(split.count for split in splits), (geometry.width, geometry.height))
    for split in Split:
        filled = any(part.split == split for part in splits)
        settle(temporary / f"{split}_db" if filled else None, folder / f"{split}_db")
    build.report.warning(f"Resize: {RESIZED}")
    built = DatasetFacts(
        labels=labels,
        width=geometry.width,
        height=geometry.height,
        channels=3 if geometry.channels == 3 else 1,
        resize_mode=ResizeMode.SQUASH,
        encoding=geometry.encoding,
        encoding_reason="as in the job of DIGITS",
        backend=geometry.backend,
        splits=splits,
        mean_pixel=mean.mean(axis=(1, 2)).tolist(),
        unreadable=len(build.bad),
        seconds=build.seconds,
    )
    write_facts(folder, built)
    build.report.progress(1.0, "done")
    return built
