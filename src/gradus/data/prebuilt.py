"""A generic dataset of databases that are there already: read through, then used where they lie or copied.

Features and labels are two LMDBs of one split, and belong together record by record, in the order of their keys.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import BadFile, DatasetOptions, Split
from gradus.core.errors import InputError
from gradus.core.generic import GenericFacts, GenericSplit, Presentation, RecordForm
from gradus.core.report import Report
from gradus.data.adopt import checked, copy_files
from gradus.data.arrays import decode_record, form_of
from gradus.data.building import Building, settle
from gradus.data.datum import decode_datum
from gradus.data.digits_job import FEATURES, LABELS, database_files, open_foreign
from gradus.data.facts import write_facts
from gradus.data.files import write_text
from gradus.data.mean import read_mean, write_mean, write_picture
from gradus.data.readers.database import Numbered
from gradus.data.readers.linked import link
from gradus.data.readers.textfile import Places
from gradus.data.wire import Buffer
from gradus.data.writers.lmdb import LmdbWriter, numbered

BOX_NUMBERS = 16  # in a row of DIGITS' object detection
Found = tuple[bytes, RecordForm]


@dataclass(frozen=True, slots=True)
class Pair:
    """The databases of one split, by the fields of the form that name them. Labels may be missing."""

    images: Path
    images_field: str
    labels: Path | None = None
    labels_field: str = ""

    @property
    def databases(self) -> list[tuple[str, Path, str]]:
        """The name, place and field of each."""
        found = [(FEATURES, self.images, self.images_field)]
        return found if self.labels is None else [*found, (LABELS, self.labels, self.labels_field)]


@dataclass(slots=True)
class Through:
    """One split, read through: the keys of the samples that can be used, and the forms of features and labels."""

    keys: list[list[bytes]] = field(default_factory=list)
    forms: list[RecordForm] = field(default_factory=list)
    whole: bool = True  # every sample can be used


@dataclass(frozen=True, slots=True)
class Prebuilt:
    """What is asked for. If not `copied`, the databases are used where they lie."""

    kind: str
    options: DatasetOptions
    pairs: Mapping[Split, Pair]
    alike: bool
    mean: Path | None = None
    mean_field: str = ""
    copied: bool = False

    @property
    def places(self) -> Places:
        """Where the databases may lie."""
        return Places(None, self.options.roots)

    @contextmanager
    def open(self, split: Split) -> Iterator[list[Numbered]]:
        """The one or two databases of a split; `InputError` where they do not belong together."""
        with ExitStack() as stack:
            opened: list[Numbered] = []
            for _, path, named in self.pairs[split].databases:
                opened.append(_open(path, self.places, named))
                stack.callback(opened[-1].close)
            if len(opened) == 2 and len(opened[0]) != len(opened[1]):
                raise InputError(
                    f"The database of labels has {len(opened[1]):,} records, and that of the images {len(opened[0]):,}",
                    field=self.pairs[split].labels_field, file=str(self.pairs[split].labels),
                    hint="The first label belongs to the first image, and so on.",
                )  # fmt: skip
            yield opened


def look(asked: Prebuilt) -> dict[Split, int]:
    """How many records each split has; `InputError` where they cannot be a dataset. Nothing of them is decoded."""
    counts: dict[Split, int] = {}
    for split, pair in asked.pairs.items():
        with asked.open(split) as opened:
            counts[split] = len(opened[0])
        if not counts[split]:
            raise InputError("The database has no records", field=pair.images_field, file=str(pair.images))
    if asked.mean is not None:
        _mean(asked.mean, asked.mean_field)
    return counts


def build_prebuilt(asked: Prebuilt, folder: Path, report: Report) -> GenericFacts:
    """Read every record, and make a dataset of the databases. Raises as `build_generic` does."""
    named = asked.pairs[Split.TRAIN].images_field
    build = Building(asked.options, folder, report, named=named, words=("can be used", "be broken", "cannot be used"))
    with build.workspace() as temporary:
        build.files = sum(look(asked).values())
        splits: list[GenericSplit] = []
        for split in asked.pairs:
            with asked.open(split) as opened:
                through = _read(build, asked, split, opened)
                if not through.keys:
                    raise InputError(f"No record of {split} can be used", field=asked.pairs[split].images_field)
                size = _write(build, asked, split, through, opened, temporary / f"{split}_db")
            feature, *label = through.forms
            splits.append(
                GenericSplit(
                    split=split, count=len(through.keys), class_counts=[], bytes=size,
                    feature=feature, label=label[0] if label else None,
                )
            )  # fmt: skip
        return _finish(build, asked, splits, temporary)


def _read(build: Building, asked: Prebuilt, split: Split, opened: Sequence[Numbered]) -> Through:
    """Decode every record; those that cannot be used are listed, where there is a copy that can do without them."""
    through = Through()
    began, of = time.monotonic(), len(opened[0])
    for at, pair in enumerate(_pairs(opened, build), 1):
        bad = next((each for each in pair if isinstance(each, BadFile)), None)
        good = [each for each in pair if not isinstance(each, BadFile)]
        if bad is None and asked.alike and (reason := _misfit(through, good)):
            bad = BadFile(file=f"{split}, record {good[0][0].decode(errors='replace')}", reason=reason)
        if bad is None:
            through.keys.append([key for key, _ in good])
            through.forms = [_joint(form, through.forms[place : place + 1]) for place, (_, form) in enumerate(good)]
        elif not asked.copied:
            raise InputError(
                f"A record cannot be used. {bad.file}: {bad.reason}",
                field=asked.pairs[split].images_field, file=str(asked.pairs[split].images),
                hint="Have the databases copied: then those that can be used are written anew without it.",
            )  # fmt: skip
        else:
            through.whole = False
        build.take(1, [bad] if bad else [], split, at, of, began)
    return through


def _pairs(opened: Sequence[Numbered], build: Building) -> Iterator[tuple[Found | BadFile, ...]]:
    """The feature and the label of each sample, or the feature alone."""
    return zip(*(chain.from_iterable(checked(each, _form, build.look)) for each in opened), strict=True)


def _form(key: bytes, record: Buffer) -> Found:
    datum = decode_datum(record)
    if not datum.encoded:
        decode_record(record)  # raises where values are missing
    return key, form_of(datum)  # raises where a picture is damaged


def _misfit(through: Through, pair: Sequence[Found]) -> str:
    """Why a sample does not go with the first; nothing if it does."""
    for what, first, (_, form) in zip(("it", "its label"), through.forms, pair, strict=False):
        if first.shape != form.shape:
            return (
                f"{what} has the shape {_shape(form)}, and the first {_shape(first)}; “Enforce same shape” refuses that"
            )
    return ""


def _shape(form: RecordForm) -> str:
    return " x ".join(map(str, form.shape or ()))


def _joint(form: RecordForm, first: Sequence[RecordForm]) -> RecordForm:
    """The form of all records so far."""
    if not first or first[0] == form:
        return form
    return first[0] if first[0].shape == form.shape else first[0].model_copy(update={"shape": None})


def _write(
    build: Building, asked: Prebuilt, split: Split, through: Through, opened: Sequence[Numbered], target: Path
) -> int:
    """Link, copy or write anew the databases of one split; their bytes."""
    pair = asked.pairs[split]
    size = 0
    for place, (name, path, named) in enumerate(pair.databases):
        files = database_files(path, asked.places, named)
        if not asked.copied:
            size += link(files[0], target / name)
        elif through.whole:
            size += copy_files(files, target / name, build.look)
        else:
            keys = [each[place] for each in through.keys]
            with LmdbWriter(target / name, numbered) as writer, opened[place].records(keys) as records:
                for record in records:
                    build.look()
                    writer.append([(0, bytes(record))])
                size += writer.close()
    return size


def _finish(build: Building, asked: Prebuilt, splits: list[GenericSplit], temporary: Path) -> GenericFacts:
    mean_pixel = None
    if asked.mean is not None:
        mean = _mean(asked.mean, asked.mean_field)
        write_mean(temporary / f"{Split.TRAIN}_db" / "mean.binaryproto", mean)
        if mean.shape[0] in (1, 3):
            write_picture(temporary / f"{Split.TRAIN}_db" / "mean.jpg", mean[::-1].transpose(1, 2, 0).clip(0, 255))
            mean_pixel = mean.mean(axis=(1, 2)).tolist()
    write_text(build.folder / "labels.txt", "")
    build.list_bad()
    for split in Split:
        filled = any(facts.split == split for facts in splits)
        settle(temporary / f"{split}_db" if filled else None, build.folder / f"{split}_db")
    facts = GenericFacts(
        type=asked.kind,
        presentation=_presentation(splits[0]),
        splits=splits,
        mean_pixel=mean_pixel,
        unreadable=len(build.bad),
        seconds=build.seconds,
    )
    write_facts(build.folder, facts)
    build.report.progress(1.0, "done")
    return facts


def _presentation(split: GenericSplit) -> Presentation:
    """How labels are likely meant, by their form: nobody says so."""
    if split.label is None or split.label.shape is None:
        return Presentation.NONE
    channels, height, width = split.label.shape
    feature = split.feature.shape
    if split.label.number == "float32":
        return Presentation.BOXES if width == BOX_NUMBERS and height > 1 else Presentation.VECTOR
    if feature is not None and (height, width) == feature[1:] and height * width > 1:
        return Presentation.MASK if channels == 1 else Presentation.PICTURE
    return Presentation.VECTOR


def _open(path: Path, places: Places, named: str) -> Numbered:
    database = open_foreign(path, places, named)
    if database.in_order:
        database.close()
        raise InputError("It is HDF5, and a generic dataset is made of LMDBs here", field=named, file=str(path))
    return database


def _mean(path: Path, named: str) -> NDArray[np.float32]:
    try:
        return read_mean(path)
    except InputError as error:
        raise InputError(str(error), field=named, file=str(path)) from error
