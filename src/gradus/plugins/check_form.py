"""Whether the models of a kind of data make forms: fields that can be shown, understood and stored."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from gradus.core.dataset import DatasetOptions
from gradus.core.form import choices_of, shown_of, types_of
from gradus.core.generic import GenericOptions
from gradus.plugins.data import DataKind, Kind
from gradus.plugins.finding import Findings

PLAIN_TYPES = (str, int, float, bool, StrEnum)
NAME = "checked"


def check_options(kind: Kind, found: Findings) -> bool:
    """Whether the options are a model with which the other checks can go on."""
    model = kind.options
    if not found.expect(
        isinstance(model, type) and issubclass(model, DatasetOptions),
        "options", "must be a class that derives from gradus.core.generic.GenericOptions",
    ):  # fmt: skip
        return False
    found.expect(
        kind.builds or type(kind).become is not DataKind.become or issubclass(model, GenericOptions),
        "options", "must derive from GenericOptions, whose encodings Gradus needs to write the databases",
    )  # fmt: skip
    default = model.model_fields["type"].default
    wanted = f'type: Annotated[Literal["{kind.id}"], Shown(hidden=True)] = "{kind.id}"'
    found.expect(default == kind.id, "options.type", f"must be the id by itself; write {wanted}")
    found.expect(choices_of(model.model_fields["type"].annotation) == (kind.id,), "options.type", f"must be {wanted}")
    found.expect(model.model_config.get("frozen"), "options", "must be frozen: jobs are repeated with them")
    found.expect(
        model.model_config.get("extra") == "forbid",
        "options", 'must refuse names that it does not know: model_config = ConfigDict(extra="forbid", frozen=True)',
    )  # fmt: skip
    common = {*DatasetOptions.model_fields, *GenericOptions.model_fields}
    check_fields(model, "options", found, {name for name in model.model_fields if name not in common})
    return True


def check_fields(model: type[BaseModel], about: str, found: Findings, names: set[str]) -> None:
    """Look at the fields of a form."""
    for name in [each for each in model.model_fields if each in names]:
        _field(model, model.model_fields[name], f"{about}.{name}", found)


def example(kind: Kind, given: dict[str, Any], found: Findings) -> Any:
    """Options with what is given and defaults for the rest; None if there can be none."""
    values = {"name": NAME, **{name: "x" for name, info in kind.options.model_fields.items() if info.is_required()}}
    try:
        made = kind.options.model_validate({**values, **given})
    except ValidationError as error:
        for each in error.errors(include_url=False):
            place = ".".join(map(str, each["loc"]))
            found.add(f"options.{place}".rstrip("."), f"its default is refused by the model itself: {each['msg']}")
        return None
    with found.surviving("options", refusing=False):
        again = kind.options.model_validate_json(made.model_dump_json())
        found.expect(again == made, "options", "are not the same once they were stored as JSON and read again")
    return made


def _field(model: type[BaseModel], info: FieldInfo, about: str, found: Findings) -> None:
    found.expect(info.title, about, "has no title: it is the words beside the field")
    found.expect(info.description, about, "has no description: it is the help under the field")
    types = [kind for kind in types_of(info.annotation) if kind is not type(None)]
    shown, choices = shown_of(info), choices_of(info.annotation)
    if not shown.hidden:
        found.expect(
            types and all(issubclass(kind, PLAIN_TYPES) for kind in types),
            about, "has a type for which there is no field: use str, int, float, bool, Literal or StrEnum",
        )  # fmt: skip
    found.expect(
        not info.is_required() or str in types,
        about, "has no default: only text, such as a path, may have to be entered",
    )  # fmt: skip
    found.expect(not shown.path or types == [str], about, "names a path, and is not text")
    if types == [bool]:
        choices = ("true", "false")
    unknown = sorted(set(shown.words) - set(choices)) if shown.words else []
    found.expect(not unknown, about, f"has words for values that it cannot have: {', '.join(unknown)}")
    for condition in (shown.when, shown.file_when):
        if condition and condition[0] not in model.model_fields:
            found.add(about, f"is shown by the value of “{condition[0]}”, and there is no such field")
        elif condition:
            decides = model.model_fields[condition[0]].annotation
            known = choices_of(decides) or ("true", "false")
            odd = [value for value in condition[1:] if value not in known]
            found.expect(not odd, about, f"is shown for values that “{condition[0]}” cannot have: {', '.join(odd)}")
