"""Prebuilt databases, "Other" in DIGITS: LMDBs of images and labels that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from gradus.core.dataset import DatasetOptions, Source, Split
from gradus.core.form import YES_NO, Shown
from gradus.core.generic import Presentation
from gradus.core.report import Report
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Entry, Kind, Sample, Scan, Watch

if TYPE_CHECKING:
    from gradus.data.prebuilt import Prebuilt

SECTION = "Databases"
FOLDER = Shown(section=SECTION, path="folder")
KEEPING = {"link": "Use them where they lie", "copy": "Copy them"}
ID = "image-generic"
DIGITS = 9  # of a key


class PrebuiltOptions(DatasetOptions):
    """What is asked for: DIGITS' fields, a pair for testing, and whether the databases are copied."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    type: Annotated[Literal["image-generic"], Shown(hidden=True)] = "image-generic"
    prebuilt_train_images: Annotated[Source, FOLDER] = Field(
        min_length=1, title="Training Images", description="The folder of an LMDB whose records are Caffe's Datums."
    )
    prebuilt_train_labels: Annotated[Source, FOLDER] = Field(
        "", title="Training Labels", description="An LMDB with as many records, in the same order. May be left out."
    )
    prebuilt_val_images: Annotated[Source, FOLDER] = Field(
        "", title="Validation Images", description="An LMDB like that for training."
    )
    prebuilt_val_labels: Annotated[Source, FOLDER] = Field("", title="Validation Labels", description="As above.")
    prebuilt_test_images: Annotated[Source, FOLDER] = Field("", title="Test Images", description="As above.")
    prebuilt_test_labels: Annotated[Source, FOLDER] = Field("", title="Test Labels", description="As above.")
    force_same_shape: Annotated[bool, Shown(section=SECTION, words=YES_NO)] = Field(
        True, title="Enforce same shape", description="Refuse records of different shapes."
    )
    prebuilt_mean_file: Annotated[Source, Shown(section=SECTION, path="file", send=True)] = Field(
        "", title="Mean image", description="A .binaryproto file. May be left out."
    )
    keep: Annotated[Literal["link", "copy"], Shown(section=SECTION, words=KEEPING)] = Field(
        "link", title="The databases", description="Used where they lie they take no room, and must stay as they are."
    )

    @model_validator(mode="after")
    def _consistent(self) -> PrebuiltOptions:
        for images, labels, name in (
            (self.prebuilt_val_images, self.prebuilt_val_labels, "Validation"),
            (self.prebuilt_test_images, self.prebuilt_test_labels, "Test"),
        ):
            if labels and not images:
                raise ValueError(f"{name} Images must be given where there are {name.lower()} labels")
        if self.prebuilt_mean_file and not self.prebuilt_mean_file.endswith(".binaryproto"):
            raise ValueError("Mean image must be a file that ends in .binaryproto")
        return self

    def prebuilt(self) -> Prebuilt:
        """The same, as those who build understand it."""
        from gradus.data.prebuilt import Pair, Prebuilt

        given = {
            split: Pair(
                Path(images),
                f"prebuilt_{split}_images",
                Path(labels) if (labels := getattr(self, f"prebuilt_{split}_labels")) else None,
                f"prebuilt_{split}_labels",
            )
            for split in Split
            if (images := getattr(self, f"prebuilt_{split}_images"))
        }
        mean = Path(self.prebuilt_mean_file) if self.prebuilt_mean_file else None
        copied = self.keep == "copy"
        return Prebuilt(ID, self, given, self.force_same_shape, mean, "prebuilt_mean_file", copied)


class PrebuiltDatabases(DataKind[PrebuiltOptions]):
    """Databases that are there already; entries are their records, for those who want to see some."""

    id = ID
    title = "Other"
    summary = "LMDBs of images and labels that were made before"
    presentation = Presentation.VECTOR  # of a few records; once all are read their form decides
    builds = True
    options = PrebuiltOptions

    def scan(self, options: PrebuiltOptions, watch: Watch) -> Scan:
        """Open the databases and compare their lengths."""
        from gradus.builtin.stored import StoredEntries
        from gradus.data.prebuilt import look

        counts = look(options.prebuilt())
        watch(sum(counts.values()))
        return Scan({split: StoredEntries(split, count) for split, count in counts.items()})

    def prepare(self, options: PrebuiltOptions, scan: Scan) -> Decoder:
        """Read the records of an entry."""
        from gradus.builtin.stored import stored_array

        prebuilt = options.prebuilt()

        def decode(entry: Entry) -> Sample:
            split, number = entry.source
            with prebuilt.open(split) as opened:
                feature, *label = (stored_array(database, number, DIGITS) for database in opened)
            return Sample(feature, label[0] if label else None)

        return decode

    def build(self, options: PrebuiltOptions, folder: Path, report: Report) -> None:
        """Read every record, then link or copy the databases."""
        from gradus.data.prebuilt import build_prebuilt

        build_prebuilt(options.prebuilt(), folder, report)


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """The kinds of this module."""
    return [PrebuiltDatabases()]
