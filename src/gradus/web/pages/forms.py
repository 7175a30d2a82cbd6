"""An HTML form as a pydantic model: read, checked, and shown again with everything that was entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gradus.core.errors import FormError, GradusError, Problem
from gradus.core.form import fields_of, holds, shown_of
from gradus.services import forms
from gradus.web.pages import words

M = TypeVar("M", bound=BaseModel)


@dataclass
class Form(Generic[M]):
    """What was entered, as text, and what is wrong with it."""

    model: type[M]
    values: dict[str, str]
    problems: list[Problem] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def title(self, name: str) -> str:
        """The field's label."""
        return self._info(name).title or name

    def hint(self, name: str) -> str:
        """One line of help."""
        return self._info(name).description or ""

    def errors(self, name: str) -> list[Problem]:
        """What is wrong with one field."""
        return [p for p in self.problems if p.field == name]

    def blame(self, error: GradusError) -> Form[M]:
        """Add what a service refused."""
        self.problems.extend(error.problems())
        order = {name: place for place, name in enumerate(fields_of(self.model))}
        self.problems.sort(key=lambda problem: order.get(problem.field or "", len(order)))  # as the form reads
        return self

    def sentence(self, problem: Problem, *, named: bool = True) -> str:
        """A problem as a sentence; a bare predicate ("must be at least 1") gets its field's label in front."""
        text = problem.message.strip()
        if text[:1].islower():
            label = self.title(problem.field) if named and problem.field and self.has(problem.field) else ""
            text = f"{label} {text}" if label and label.lower() not in text.lower() else text
        return words.placed(text, problem.line)

    def has(self, name: str) -> bool:
        """Whether the form has a field of this name, so that a problem can link to it."""
        return name in self.model.model_fields

    def holds(self, condition: tuple[str, ...]) -> bool:
        """Whether a field has one of some values, by what was entered or else by its default."""
        return holds(condition, _defaults(self.model) | self.values)

    def needs_look(self, names: Iterable[str]) -> bool:
        """Whether one of some fields that are meant is not as it is by default, or wrong."""
        usual = _defaults(self.model)
        return any(
            self.errors(name) or self.values.get(name, "") not in ("", usual.get(name, ""))
            for name in names
            if self.holds(shown_of(self._info(name)).when)
        )

    def _info(self, name: str) -> FieldInfo:
        return self.model.model_fields[name]


def blank(model: type[M], **known: object) -> Form[M]:
    """A form with the model's defaults, and what is already known."""
    return Form(model, _defaults(model) | {name: as_text(value) for name, value in known.items()})


def filled(options: M, **changed: object) -> Form[M]:
    """A form with the answers of an earlier job, for a clone."""
    values = {name: as_text(getattr(options, name)) for name in type(options).model_fields}
    return Form(type(options), values | {name: as_text(value) for name, value in changed.items()})


def read(model: type[M], entered: Mapping[str, str]) -> tuple[Form[M], M | None]:
    """The form as entered, and the options if they hold. What is not meant with the other values is not used."""
    form = Form(model, {name: entered[name] for name in model.model_fields if name in entered})
    meant = {name for name, info in model.model_fields.items() if form.holds(shown_of(info).when)}
    try:
        return form, forms.read(model, {name: text for name, text in entered.items() if name in meant})
    except FormError as error:
        return form.blame(error), None


def _defaults(model: type[BaseModel]) -> dict[str, str]:
    """What every field that need not be given is, as text."""
    return {
        name: as_text(info.get_default(call_default_factory=True, validated_data={}))
        for name, info in model.model_fields.items()
        if not info.is_required()
    }


def as_text(value: object) -> str:
    """A value as it stands in an input."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
