"""Command line options made from a pydantic model, so that a form, a REST body and a command never differ.

Options are taken as text and understood by the model alone: it has the types, ranges and defaults,
and its sentences name the option.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Generic, TypeVar

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gradus.core.form import choices_of, fields_of, shown_of, types_of

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")

PANEL = "What is asked for"


class Given(Generic[M]):
    """What was given on the command line for one model, before it is checked."""

    def __init__(self, model: type[M], values: Mapping[str, object]) -> None:
        self._model = model
        self._values = dict(values)

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def text(self, field: str) -> str | None:
        """The text given for one field, or None."""
        value = self._values.get(field)
        return None if value is None else str(value)

    def complete(self) -> dict[str, object]:
        """What was given, and the defaults of what was not."""
        defaults = {
            name: info.get_default(call_default_factory=True, validated_data={})
            for name, info in self._model.model_fields.items()
            if not info.is_required()
        }
        return defaults | self._values

    def put(self, field: str, value: object) -> None:
        """Set what the command knows itself."""
        self._values[field] = value

    def make(self) -> M:
        """The checked model, read as the page's form is; a `FormError` names every option that is wrong."""
        from gradus.services.forms import read

        return read(self._model, self._values)


def takes(model: type[M], *, skip: Collection[str] = ()) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Decorate a command so that its parameter `given` becomes one option for each field that forms show too."""
    shown = {name: field for name, field in fields_of(model).items() if not shown_of(field).hidden}
    fields = {name: field for name, field in shown.items() if name not in skip}

    def decorate(body: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(body)
        def command(**arguments: Any) -> R:
            values = {name: arguments.pop(name) for name in fields}
            given = Given(model, {name: value for name, value in values.items() if value is not None})
            return body(given=given, **arguments)

        own = inspect.signature(body, eval_str=True).parameters.values()
        parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name != "given"]
        parameters += [_parameter(name, field) for name, field in fields.items()]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def flag(field: str) -> str:
    """The option that stands for a field: `validation_percent` is `--validation-percent`."""
    return "--" + field.replace("_", "-")


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    title = field.title or name.replace("_", " ")
    words = f"{title.rstrip('.')}. {field.description or ''}".strip()
    option = typer.Option(
        flag(name),
        help=f"{words} {_default(field.default)}".strip(),
        metavar=_metavar(field),
        show_default=False,
        rich_help_panel=PANEL,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "Required."
    if value is None or value == "":
        return ""
    return f"Default: {str(value).lower() if isinstance(value, bool) else value}."


def _metavar(field: FieldInfo) -> str:
    """What to write after the option: a word for the type, or the choices."""
    types, shown = set(types_of(field.annotation)), shown_of(field)
    if choices := choices_of(field.annotation) or (("true", "false") if bool in types else ()):
        return "|".join(choices)
    if shown.path or shown.keys:
        return "FILE" if shown.keys else "PATH"
    return "NUMBER" if float in types else "INTEGER" if int in types else "TEXT"
