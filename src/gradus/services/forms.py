"""What a user entered, as a model; and what is wrong with it, in plain words and with the field's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gradus.core.errors import FormError, GradusError, InputError, Problem
from gradus.core.form import types_of

M = TypeVar("M", bound=BaseModel)

MAX_DIGITS = 100
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

_MESSAGES: dict[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_unicode": "must be text without broken characters",
    "string_too_short": "must not be empty",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "json_invalid": "is not valid JSON: {error}",
}


class Findings:
    """What is wrong, collected, so that a form is corrected in one go."""

    def __init__(self) -> None:
        self._errors: list[GradusError] = []

    def add(self, message: str, field: str, *, hint: str | None = None) -> None:
        """Note something wrong with a field."""
        self._errors.append(InputError(message, field=field, hint=hint))

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Note what an `InputError` in the block says, and go on after it."""
        try:
            yield
        except InputError as error:
            self._errors.append(error)

    def finish(self) -> None:
        """Raise what was found: a single error as itself (a path outside the roots stays a 403), several as one."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise FormError([problem for error in self._errors for problem in error.problems()])


def read(model: type[M], entered: Mapping[str, object]) -> M:
    """The model that a form's raw strings stand for; `FormError` with every problem otherwise.

    A field left empty becomes None where the model allows it. Names the model lacks are ignored.
    """
    values: dict[str, object] = {}
    wrong: list[Problem] = []
    for name, info in model.model_fields.items():
        text = entered.get(name)
        if not isinstance(text, str):
            if text is not None:
                values[name] = text
            continue
        try:
            values[name] = _value(text, info)
        except ValueError as error:
            wrong.append(Problem(code=InputError.code, message=str(error), field=name))
    try:
        made = model.model_validate(values)
    except ValidationError as error:
        named = {p.field for p in wrong}
        raise FormError([*wrong, *(p for p in problems(error, model) if p.field not in named)]) from error
    if wrong:
        raise FormError(wrong)
    return made


def problems(error: ValidationError, model: type[BaseModel] | None = None) -> list[Problem]:
    """What pydantic found, in our words."""
    return [problem_of(details, model) for details in error.errors(include_url=False, include_input=False)]


def problem_of(details: ErrorDetails, model: type[BaseModel] | None = None) -> Problem:
    """One finding of pydantic in our words. What concerns several fields is said of the first that it names."""
    message = _message(details)
    field = ".".join(str(part) for part in details["loc"]) or None
    if field is None and model is not None:
        field = _concerned(message, model)
    return Problem(code=InputError.code, message=message, field=field)


def _message(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    template = _MESSAGES.get(details["type"])
    if template == _MESSAGES["string_too_short"] and context.get("min_length", 1) > 1:
        template = "must have at least {min_length} characters"
    if template is not None:
        return template.format(**{name: _plain(value) for name, value in context.items()})
    if details["type"] == "string_pattern_mismatch":
        *others, last = str(context["pattern"]).replace("[0-9]{1,3}", "N").split("|")
        return f"must be {', '.join(others)} or {last}" if others else f"must be like {last}"
    if "UploadFile" in details["msg"]:
        return "must be a file"
    message = details["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _plain(value: object) -> object:
    """A bound without the `.0` that a float has in Python."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _concerned(message: str, model: type[BaseModel]) -> str | None:
    places = {name: message.lower().find((info.title or name).lower()) for name, info in model.model_fields.items()}
    found = {name: place for name, place in places.items() if place >= 0}
    return min(found, key=lambda name: found[name]) if found else None


def _value(text: str, info: FieldInfo) -> object:
    """A form's text as the value of a field. Only plain ASCII numbers: no `0x10`, `1_000` or full-width digits."""
    kinds = set(types_of(info.annotation))
    stripped = text.strip()
    if str in kinds:
        return None if not stripped and type(None) in kinds else text
    if not stripped:
        if info.is_required() or info.default is not None:
            raise ValueError("must not be empty")
        return None
    if float in kinds:
        return _number(stripped, _NUMBER, float, "a number")
    if int in kinds:
        return _number(stripped, _WHOLE, int, "a whole number")
    return stripped


def _number(text: str, pattern: re.Pattern[str], make: Callable[[str], float], what: str) -> float:
    if not pattern.fullmatch(text):
        raise ValueError("must be a finite number" if text.lower().strip("+-") in _NOT_FINITE else f"must be {what}")
    if len(text) > MAX_DIGITS:
        raise ValueError("has too many digits")
    return make(text)


_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
