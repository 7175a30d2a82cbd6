"""The import of a dataset of DIGITS: the folder of its job is all that is asked for, and it becomes a dataset here."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gradus.builtin.prebuilt import PrebuiltDatabases, PrebuiltOptions
from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import DatasetOptions, Source, Split
from gradus.core.form import Shown
from gradus.core.generic import Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Entry, Kind, Sample, Scan, Watch

if TYPE_CHECKING:
    from gradus.data.digits_job import DigitsJob

FIELD = "folder"
DIGITS = 8  # of a key, before its class


class ImportOptions(DatasetOptions):
    """What is asked for. Everything else is found in the folder, and never in its pickle."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    type: Annotated[Literal["digits-import"], Shown(hidden=True)] = "digits-import"
    folder: Annotated[Source, Shown(section="Import", path="folder")] = Field(
        min_length=1, title="Job folder of DIGITS",
        description="Of one dataset, with train_db in it, such as jobs/20160823-104433-1d65. It is left as it is.",
    )  # fmt: skip


class DigitsImport(DataKind[ImportOptions]):
    """Stands for the dataset that the folder holds: of classes, or generic with features and labels."""

    id = "digits-import"
    title = "DIGITS"
    category = "Import"
    summary = "The job folder of a dataset that DIGITS made, of pictures and classes or of features and labels"
    presentation = Presentation.CLASSES  # of a few records, before it becomes another kind
    options = ImportOptions

    def scan(self, options: ImportOptions, watch: Watch) -> Scan:
        """Look into the folder."""
        from gradus.builtin.stored import StoredEntries

        job = _job(options)
        if job.generic:
            return PrebuiltDatabases().scan(_generic(options, job), watch)
        job.geometry()
        counts: dict[Split, int] = {}
        for split in job.databases:
            with closing(job.open(split)) as database:
                counts[split] = len(database)
        watch(sum(counts.values()))
        return Scan({split: StoredEntries(split, count) for split, count in counts.items()}, labels=job.labels())

    def become(self, options: ImportOptions) -> DatasetOptions:
        """The options of a classification or a generic dataset, with what the databases tell."""
        job = _job(options)
        return _generic(options, job) if job.generic else _classification(options)

    def prepare(self, options: ImportOptions, scan: Scan) -> Decoder:
        """Read the records of an entry."""
        import numpy as np

        from gradus.builtin.stored import stored_array
        from gradus.data.readers.lmdb import label_of

        job = _job(options)
        if job.generic:
            return PrebuiltDatabases().prepare(_generic(options, job), scan)

        def decode(entry: Entry) -> Sample:
            split, number = entry.source
            with closing(job.open(split)) as database:
                keys = database.keys_from(b"%08d" % number, 1)
                label = label_of(keys[0]) if keys else -1
                feature = stored_array(database, number, DIGITS)
            if not 0 <= label < len(scan.labels):
                return Sample(feature, label)
            return Sample(feature, np.eye(1, len(scan.labels), label, dtype=np.float32)[0], counts={label: 1})

        return decode


def _job(options: ImportOptions) -> DigitsJob:
    from gradus.data.digits_job import look

    return look(Path(options.folder), FIELD, options.roots)


def _common(options: ImportOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("name", "group", "seed", "unreadable_percent", "roots")}


def _classification(options: ImportOptions) -> ClassificationOptions:
    from gradus.data.digits_job import described

    return described(ClassificationOptions(**_common(options), method=Method.DIGITS, train=options.folder))


def _generic(options: ImportOptions, job: DigitsJob) -> PrebuiltOptions:
    from gradus.data.digits_job import FEATURES, LABELS

    given: dict[str, str] = {}
    for split, folder in job.databases.items():
        for ours, theirs in (("images", FEATURES), ("labels", LABELS)):
            if (folder / FEATURES).is_dir() and (folder / theirs).is_dir():
                given[f"prebuilt_{split}_{ours}"] = str(folder / theirs)
    if mean := job.file("train_db/mean.binaryproto"):
        given["prebuilt_mean_file"] = str(mean)
    return PrebuiltOptions(**_common(options), **given, force_same_shape=False, keep="copy")


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """The kinds of this module."""
    return [DigitsImport()]
