"""What was asked for, as rows of titles and words: a form's fields as they were answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradus.core.dataset import DatasetOptions
from gradus.core.form import holds
from gradus.web.pages import words
from gradus.web.pages.fields import Field, Size, layout

LONG = 28  # characters of a value that does not stand beside its title
ELSEWHERE = frozenset({"name", "group"})  # shown in the head of the page


@dataclass(frozen=True)
class Row:
    """One answer. `note` is what came of it."""

    title: str
    value: str
    mono: bool = False
    note: str = ""

    @property
    def long(self) -> bool:
        """Whether it takes a line of its own."""
        return self.mono or len(self.value) > LONG


def rows(options: DatasetOptions, notes: Mapping[str, str]) -> list[Row]:
    """The fields that are meant and answered, as the form has them; `notes` are of fields by name."""
    values = dict(options)
    parts = (part for section in layout(type(options)) for part in section.parts)
    return [row for part in parts for field in part.fields for row in _row(field, values, notes)]


def _row(field: Field | Size, values: Mapping[str, object], notes: Mapping[str, str]) -> Iterator[Row]:
    value = values.get(field.name)
    if field.name in ELSEWHERE or value is None or value == "" or not holds(field.shown.when, values):
        return
    if isinstance(field, Size):
        title = field.title.removesuffix(" (Width × Height)")
        yield Row(title, f"{value} × {values[field.height.name]}", note=notes.get(field.name, ""))
        return
    named = str(value).lower() if isinstance(value, bool) else str(value)
    if field.widget == "check":
        text = "Yes" if value else "No"
    elif field.shown.path:
        text = words.sent(named)
    else:
        number = words.figure(value) if isinstance(value, float) else named
        text = field.shown.words.get(named, f"{number} {field.shown.unit}".strip())
    yield Row(field.title.removesuffix(" (optional)"), text, bool(field.shown.path), notes.get(field.name, ""))
