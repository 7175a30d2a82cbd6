"""How a form shows the fields of a pydantic model: what the model cannot say with a type, a title and a description.

    width: Annotated[Side, Shown(section="Images", unit="px")] = Field(256, title="Width", description="In pixels.")

Forms, the command line and REST are made of the same fields; only forms look at this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Shown:
    """How one field is shown.

    Fields of the same `section` stand in one panel, those of the same `fold` behind one summary in it. `when` names
    another field and the values of it with which this one is meant; with all others it is not shown, and what was
    entered there is not used. `path` says that the text names a folder or file on the server's machine; it is a file
    although `path` says folder where `file_when` holds. `send` says that a file may be sent in its place. `keys` says
    that it refers to an access key and a secret key, which are entered here and kept apart. `words` are what its
    values are called, in the order in which they are offered, `notes` what is told of one once it is chosen.
    """

    section: str = ""
    fold: str = ""
    when: tuple[str, ...] = ()
    path: Literal["", "folder", "file"] = ""
    file_when: tuple[str, ...] = ()
    send: bool = False
    keys: bool = False
    unit: str = ""
    placeholder: str = ""
    lines: int = 1  # of a text
    wide: bool = False  # over the whole width, though it would fit into half of it
    hidden: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


PLAIN = Shown()
YES_NO = {"true": "Yes", "false": "No"}  # words of a switch that is chosen like other values


def shown_of(info: FieldInfo) -> Shown:
    """How a field is shown: as its annotation says, or plainly."""
    return next((each for each in info.metadata if isinstance(each, Shown)), PLAIN)


def holds(condition: tuple[str, ...], values: Mapping[str, object]) -> bool:
    """Whether a field has one of some values: `condition` is its name, then these. Nothing asked always holds."""
    if not condition:
        return True
    decides, *wanted = condition
    return str(values[decides]).lower() in wanted


def is_folder(shown: Shown, values: Mapping[str, object]) -> bool:
    """Whether what a field with a `path` names is to be a folder, by the values of all fields."""
    return shown.path == "folder" and not (shown.file_when and holds(shown.file_when, values))


def paths_of(model: type[BaseModel], values: Mapping[str, object]) -> dict[str, tuple[str, bool]]:
    """Of what is given, the fields that name a folder or file, and whether it is to be a folder."""
    shown = {name: shown_of(info) for name, info in model.model_fields.items()}
    return {
        name: (str(given), is_folder(how, values))
        for name, how in shown.items()
        if how.path and holds(how.when, values) and (given := values.get(name))
    }


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields in the order of forms and commands: those of the model itself, then what it has from others."""
    inherited = [name for base in model.__bases__ if issubclass(base, BaseModel) for name in base.model_fields]
    own = [name for name in model.model_fields if name not in inherited]
    above = [base for base in model.__bases__ if issubclass(base, BaseModel) and base is not BaseModel]
    rest = [name for base in above for name in fields_of(base)]
    return {name: model.model_fields[name] for name in [*own, *rest]}


def types_of(annotation: object) -> Iterator[type]:
    """The plain types that a field's value may have."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield from {type(value): None for value in get_args(annotation)}
    elif origin is Annotated:
        yield from types_of(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from types_of(part)
    elif isinstance(annotation, type):
        yield annotation


def choices_of(annotation: object) -> tuple[str, ...]:
    """The values that a field may have, as text, where they can be counted: of an enumeration or a `Literal`."""
    origin = get_origin(annotation)
    if origin is Literal:
        return tuple(str(value) for value in get_args(annotation))
    if origin is not None:
        return next(filter(None, map(choices_of, get_args(annotation))), ())
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(member.value for member in annotation)
    return ()
