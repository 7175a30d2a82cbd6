"""Text classification: rows of a table with a class and text, as DIGITS' plugin of that name has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradus.builtin.text_rows import Columns, TextRow, read_texts
from gradus.core.dataset import BadFile, Percent, Source, Split
from gradus.core.errors import InputError
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions, Presentation
from gradus.data.lists import escape
from gradus.data.readers.textfile import read_labels
from gradus.data.seeded import shuffled
from gradus.data.split import parts
from gradus.data.text import LONGEST_ALPHABET, Alphabet
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Entry, Kind, Sample, Scan, Watch

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\\\|_@#$%^&*~`+ =<>()[]{}"  # DIGITS' own, `\` twice
SECTION = "Text"


class TextOptions(GenericOptions):
    """What is asked for: DIGITS' fields, a share for validation, and columns by name where a file names them."""

    type: Annotated[Literal["text-classification"], Shown(hidden=True)] = "text-classification"
    train_data_file: Annotated[Source, Shown(section=SECTION, path="file", send=True)] = Field(
        min_length=1, title="Training data (.csv)",
        description="A row for each sample: its class, then text. CSV, JSON lines or Parquet, with a header or none.",
    )  # fmt: skip
    val_data_file: Annotated[Source, Shown(section=SECTION, path="file", send=True)] = Field(
        "", title="Validation data (.csv)", description="Of the same form. Empty: a share of the training data."
    )
    validation_percent: Annotated[Percent, Shown(section=SECTION, unit="%")] = Field(
        10, title="% for validation", description="Of each class, where no validation data is given."
    )
    class_labels_file: Annotated[Source, Shown(section=SECTION, path="file", send=True)] = Field(
        "", title="Class labels", description="A text file with the name of the first class on line 1."
    )
    alphabet: Annotated[str, Shown(section=SECTION)] = Field(
        ALPHABET, min_length=1, max_length=LONGEST_ALPHABET, title="Dictionary",
        description="Characters are numbered from 1 in this order; all others have the next number.",
    )  # fmt: skip
    max_chars_per_sample: Annotated[int | None, Shown(section=SECTION)] = Field(
        1024, ge=1, le=2**20, title="Number of characters per sample",
        description="Longer samples are cut, shorter ones filled up. Empty: as long as each is.",
    )  # fmt: skip
    label_column: Annotated[str, Shown(section=SECTION, fold="Columns")] = Field(
        "", max_length=200, title="Class column", description="For files with a header. Empty: found by its name."
    )
    text_columns: Annotated[str, Shown(section=SECTION, fold="Columns")] = Field(
        "", max_length=2000, title="Text columns", description="Parted by commas. Empty: found by their names."
    )

    @model_validator(mode="after")
    def _consistent(self) -> TextOptions:
        if self.max_chars_per_sample is None and self.force_same_shape:
            raise ValueError("Number of characters per sample must be given, or “Enforce same shape” be off")
        return self

    @property
    def columns(self) -> Columns:
        """The columns that are named."""
        return Columns(self.label_column, tuple(name.strip() for name in self.text_columns.split(",") if name.strip()))


class TextInput(BaseModel):
    """What a prediction is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    snippet: Annotated[str, Shown(lines=6)] = Field("", max_length=2**20, title="Snippet", description="One text.")
    test_data_file: Annotated[Source, Shown(path="file", send=True)] = Field(
        "", title="Test data (.csv)", description="Many texts, in a file of the same form as the training data."
    )

    @model_validator(mode="after")
    def _one(self) -> TextInput:
        if bool(self.snippet) == bool(self.test_data_file):
            raise ValueError("Snippet or Test data (.csv) must be given, and not both")
        return self


class TextClassification(DataKind[TextOptions]):
    """Texts and their classes; a text is stored as the numbers of its characters, uint8 (1, 1, length)."""

    id = "text-classification"
    title = "Classification"
    category = "Text"
    summary = "Rows of a table: a class, and text that a network reads character by character"
    presentation = Presentation.TEXT
    options = TextOptions
    inference = TextInput

    def scan(self, options: TextOptions, watch: Watch) -> Scan:
        """Read all rows. Classes are numbers, counted from 1 if none is 0, or names, which are sorted."""
        given = read_labels(Path(options.class_labels_file), "class_labels_file") if options.class_labels_file else []
        train, bad = read_texts(Path(options.train_data_file), "train_data_file", options.columns, watch)
        val: list[TextRow] = []
        if options.val_data_file:
            val, unusable = read_texts(Path(options.val_data_file), "val_data_file", options.columns, watch)
            bad += unusable
        numbers, labels = _classes({row.label for row in (train + val if given else train)}, given)
        entries = {
            Split.TRAIN: _entries(train, numbers, bad),
            Split.VAL: _entries(val, numbers, bad),
            Split.TEST: list[Entry](),
        }
        if not options.val_data_file and options.validation_percent:
            entries |= _divided(entries[Split.TRAIN], len(labels), options)
        return Scan(dict(entries), labels, bad=bad, user={"alphabet": options.alphabet})

    def prepare(self, options: TextOptions, scan: Scan) -> Decoder:
        """Text to the numbers of its characters."""
        from gradus.data.datum import encode_datum

        alphabet = Alphabet(options.alphabet)

        def decode(entry: Entry) -> Sample:
            text, label = entry.source
            numbers = alphabet.encode(text, options.max_chars_per_sample)
            channels, height, width = numbers.shape
            record = encode_datum(
                numbers.tobytes(), channels=channels, height=height, width=width, label=label, encoded=False
            )
            return Sample(record, label, counts={label: 1})

        return decode

    def entries_for(self, given: BaseModel, options: TextOptions, scan: Scan) -> Iterable[Entry]:
        """The snippet, or every text of the file."""
        assert isinstance(given, TextInput)
        if given.snippet:
            return [Entry("snippet", (given.snippet, 0))]
        path = Path(given.test_data_file)
        rows, _ = read_texts(path, "test_data_file", options.columns, lambda _: None, labelled=False)
        return [Entry(row.place, (row.text, 0)) for row in rows]


def _classes(found: set[str], given: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """The number of each class as rows write it, and the names in that order: those given, or those found."""
    if all(label.isascii() and label.isdigit() and len(label) < 10 for label in found):
        values = {label: int(label) for label in found}
        first = min(1, *values.values())
        names = list(given) or [str(value) for value in sorted(set(values.values()))]
        at = dict(enumerate(range(len(given)), first)) if given else {int(name): i for i, name in enumerate(names)}
        numbers = {label: at[value] for label, value in values.items() if value in at}
    else:
        names = list(given) or sorted(escape(label) for label in found)
        places = {name: at for at, name in enumerate(names)}
        numbers = {label: places[escape(label)] for label in found if escape(label) in places}
    if len(names) < 2:
        raise InputError(
            f"A classification needs at least two classes; all rows have the class “{names[0]}”",
            field="train_data_file", hint="The first column, or one named “label”, is the class of each row.",
        )  # fmt: skip
    return numbers, names


def _entries(rows: Sequence[TextRow], numbers: Mapping[str, int], bad: list[BadFile]) -> list[Entry]:
    """An entry for each row whose class is known; the others are listed."""
    known = [row for row in rows if row.label in numbers]
    bad += [
        BadFile(file=row.place, reason=f"no class is called “{escape(row.label)}”")
        for row in rows
        if row.label not in numbers
    ]
    return [Entry(row.place, (row.text, numbers[row.label])) for row in known]


def _divided(entries: Sequence[Entry], classes: int, options: TextOptions) -> dict[Split, list[Entry]]:
    """A share of each class for validation, the rest for training, each in the order of the file."""
    places: list[list[int]] = [[] for _ in range(classes)]
    for place, entry in enumerate(entries):
        places[entry.source[1]].append(place)
    held = set[int]()
    for label, own in enumerate(places):
        count = parts(len(own), options.validation_percent, 0).val
        held.update(shuffled(own, options.seed, f"split/{label}")[:count])
    return {
        Split.TRAIN: [entry for place, entry in enumerate(entries) if place not in held],
        Split.VAL: [entry for place, entry in enumerate(entries) if place in held],
    }


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """The kinds of this module."""
    return [TextClassification()]
