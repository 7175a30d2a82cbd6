"""Rows of a table that have a class and text: which columns these are, and what each row says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradus.core.dataset import BadFile
from gradus.core.errors import InputError
from gradus.data.lists import escape
from gradus.data.readers.manifest import LONGEST_LABEL
from gradus.data.readers.table import OpenTable, Row, no_table, open_table, read_rows, text_of
from gradus.data.readers.textfile import BadLineError
from gradus.plugins.data import Watch

LABELS = (
    "label", "class", "category", "class index", "class_index", "label_name", "class_name", "target", "sentiment",
    "topic", "fine_label", "coarse_label",
)  # fmt: skip
TEXTS = (
    "text", "title", "description", "sentence", "content", "review", "body", "headline", "question", "answer",
    "abstract", "summary", "comment", "tweet", "message", "article", "document", "subject", "review_body",
    "question_title", "question_content", "best_answer",
)  # fmt: skip
BESIDE = frozenset(("id", "idx", "index", "split", "unnamed: 0"))  # columns that are no text, though nobody says so


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a user names; those left out are found by their usual names."""

    label: str = ""
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row: what lists call it, its class as written, and its text."""

    place: str
    label: str
    text: str


def read_texts(
    path: Path, named: str, columns: Columns, watch: Watch, *, labelled: bool = True
) -> tuple[list[TextRow], list[BadFile]]:
    """The rows in order, and those of no use. Without a header the first column is the class, the others are text.

    The columns of text are joined with nothing between. If not `labelled`, rows need no class. `InputError` names
    the field `named` where the file is no such table.
    """

    def has_header(cells: Sequence[str]) -> bool:
        given = {cell.strip().lower() for cell in cells}
        known = {*LABELS, *TEXTS, *(name.lower() for name in (columns.label, *columns.texts) if name)}
        return bool(given & known) and not cells[0].strip().isdigit()

    with open_table(path, named, has_header) as table:
        label, texts = _found(table, columns, named, labelled)

        def use(row: Row, number: int) -> TextRow:
            given = text_of(row.get(label))
            if (labelled and not given) or len(given) > LONGEST_LABEL:
                reason = f"a class of more than {LONGEST_LABEL} characters" if given else "no class"
                raise BadLineError(f"has {reason}")
            text = "".join(cell for name in texts if isinstance(cell := row.get(name), str))
            if not text.strip():
                raise BadLineError("has no text")
            return TextRow(table.place(number), given, text)

        return read_rows(table, use, watch, named, {label, *texts})


def _found(table: OpenTable, given: Columns, named: str, labelled: bool) -> tuple[str, list[str]]:
    """The column of classes, empty if it has none, and those of text."""
    columns = list(table.columns)
    label: str | None
    if not table.has_header:
        first = 1 if labelled or len(columns) > 1 else 0
        label, texts = "".join(columns[:first]), columns[first:]
    else:
        label = _named(table, given.label, "label_column") if given.label else table.find(LABELS)
        texts = [_named(table, name, "text_columns") for name in given.texts]
        others = [name for name in columns if name != label and name.lower() not in BESIDE]
        texts = texts or [name for name in others if name.lower() in TEXTS] or others
    if (label is None and labelled) or not texts:
        shown = ", ".join(escape(name)[:40] for name in columns[:10]) or "none"
        what = "of text" if label else "of classes"
        hint = "Name them “label” and “text”, or say under “Columns” what they are called."
        raise no_table(table.path, named, f"no column {what} is known; there are: {shown}", hint)
    return label or "", texts


def _named(table: OpenTable, name: str, field: str) -> str:
    found = table.find((name.lower(),))
    if found is None:
        shown = ", ".join(escape(each)[:40] for each in table.columns[:10])
        raise InputError(f"There is no column “{escape(name)}”; there are: {shown}", field=field)
    return found
