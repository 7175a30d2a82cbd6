"""The folder of a dataset job of DIGITS: what lies in it, found without its pickle, which is never read.

train_db/ val_db/ test_db/   an LMDB or HDF5 files each; generic ones have features/ and labels/ below
labels.txt                   the name of class i on line i
train.txt val.txt test.txt   `path label` lines
mean.binaryproto             of generic ones in train_db/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.classification import ClassificationOptions, GroupBy
from gradus.core.dataset import Backend, Encoding, ResizeMode, Split
from gradus.core.errors import InputError, PathError
from gradus.data.arrays import form_of
from gradus.data.datum import decode_datum
from gradus.data.lists import escape
from gradus.data.readers.database import Numbered, open_numbered
from gradus.data.readers.textfile import BadLineError, Places, read_labels
from gradus.data.writers.hdf5 import LIST

FEATURES, LABELS = "features", "labels"
MODEL_FILES = ("solver.prototxt", "original.prototxt", "model.lua", "network.py")
_HINT = "Give the folder of one dataset, such as jobs/20160823-104433-1d65 of DIGITS."


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the records of a classification dataset are, by its first."""

    width: int
    height: int
    channels: int
    encoding: Encoding
    backend: Backend


@dataclass(frozen=True, slots=True)
class DigitsJob:
    """A dataset of DIGITS. `databases` are the folders of each split, of generic ones those above their two."""

    folder: Path
    named: str
    places: Places
    databases: dict[Split, Path] = field(default_factory=dict)
    generic: bool = False

    def file(self, name: str) -> Path | None:
        """A file of the job, links resolved and inside the allowed folders; None if there is none."""
        return _file(self.places, self.folder, name, self.named)

    def open(self, split: Split) -> Numbered:
        """Open the database of a split. Its files lie inside the allowed folders."""
        return open_foreign(self.databases[split], self.places, self.named)

    def files(self, split: Split) -> list[Path]:
        """The files that the database of a split consists of."""
        return database_files(self.databases[split], self.places, self.named)

    def labels(self) -> list[str]:
        """The names of the classes; empty if the job has none."""
        path = self.file("labels.txt")
        return read_labels(path, self.named) if path else []

    def geometry(self) -> Geometry:
        """What the first record for training is. `InputError` if none can be read, or it is no picture."""
        path = self.databases[Split.TRAIN]
        database = self.open(Split.TRAIN)
        try:
            with database.after(None) as records:
                first = next(records, None)
                if first is None:
                    raise InputError("The database for training is empty", field=self.named, file=str(path))
                form = form_of(decode_datum(first[1]))
        finally:
            database.close()
        assert form.shape is not None
        channels, height, width = form.shape
        if channels not in (1, 3) or form.number != "uint8":
            raise InputError(
                f"The records are arrays of {form.number} with {channels} channels, not pictures with 1 or 3",
                field=self.named, file=str(path),
            )  # fmt: skip
        backend = Backend.HDF5 if database.in_order else Backend.LMDB
        return Geometry(width, height, channels, form.encoding, backend)


def look(folder: Path, named: str, roots: Sequence[str] | None) -> DigitsJob:
    """What a folder holds. `InputError` names the field and says what the folder is, if it is no dataset of DIGITS."""
    found = {split: folder / f"{split}_db" for split in Split if os.path.isdir(folder / f"{split}_db")}  # noqa: PTH112
    if Split.TRAIN not in found:
        raise _no_job(folder, named)
    job = DigitsJob(folder, named, Places(folder, roots), found)
    generic = (found[Split.TRAIN] / FEATURES).is_dir()
    if generic:
        return DigitsJob(folder, named, job.places, found, generic=True)
    filled = {split: path for split, path in found.items() if split is Split.TRAIN or next(path.iterdir(), None)}
    return DigitsJob(folder, named, job.places, filled)


def described(options: ClassificationOptions) -> ClassificationOptions:
    """Options of a job that is taken over, with what its records are, whatever a form said of them."""
    found = look(Path(options.train), "train", options.roots).geometry()
    return options.model_copy(
        update={
            "width": found.width, "height": found.height, "channels": 3 if found.channels == 3 else 1,
            "resize_mode": ResizeMode.SQUASH, "encoding": found.encoding, "backend": found.backend,
            "validation_percent": 0, "test_percent": 0, "group_by": GroupBy.NONE,
        }
    )  # fmt: skip


def open_foreign(folder: Path, places: Places, named: str) -> Numbered:
    """Open a database whose files are allowed; an error names the field."""
    database_files(folder, places, named)
    try:
        return open_numbered(folder)
    except InputError as error:
        raise InputError(
            str(error), field=named, file=escape(str(folder)), hint="It may not have been copied whole."
        ) from error


def database_files(folder: Path, places: Places, named: str) -> list[Path]:
    """The files of an LMDB or of HDF5, links resolved. `PathError` where there are none, or not inside."""
    if alone := _file(places, folder, "data.mdb", named):
        return [alone]
    listed = _file(places, folder, LIST, named)
    told = listed.read_text(errors="replace").splitlines() if listed else []
    names = {Path(line).name for line in told if line.strip()} | {path.name for path in folder.glob("*.h5")}
    files = [found for name in (LIST, *sorted(names)) if (found := _file(places, folder, name, named))]
    if not names:
        raise PathError(
            f"There is no database in {escape(str(folder))}", field=named, file=escape(str(folder)),
            hint="An LMDB is a folder with a data.mdb; one of HDF5 has files 0.h5, 1.h5 and so on.",
        )  # fmt: skip
    return files


def list_lines(path: Path) -> Iterator[tuple[str, int]]:
    """The (path, label) of each line of `train.txt` that has them; others are passed over."""
    with path.open("rb") as file:
        for line in file:
            name, _, label = line.rstrip().rpartition(b" ")
            if name and label.isdigit() and len(label) < 10:
                yield os.fsdecode(name), int(label)


def _file(places: Places, folder: Path, name: str, named: str) -> Path | None:
    if not os.path.lexists(folder / name):
        return None
    try:
        return Path(places.find(str(folder / name)))
    except BadLineError as error:
        shown = escape(str(folder / name))
        raise PathError(f"{shown} cannot be read: {error}", field=named, file=shown) from error


def _no_job(folder: Path, named: str) -> InputError:
    shown = escape(str(folder))
    if any((folder / name).is_file() for name in MODEL_FILES):
        reason = "is a model of DIGITS, not a dataset"
    elif jobs := sorted(path.parent.name for path in folder.glob("*/train_db"))[:3]:
        reason = f"holds several jobs of DIGITS ({', '.join(map(escape, jobs))})"
    else:
        reason = "is no dataset of DIGITS: it has no train_db"
    return InputError(f"The folder {shown} {reason}", field=named, file=shown, hint=_HINT)
