"""How a form shows the fields of a pydantic model: what the model cannot say with a type, a title and a description.

    width: Annotated[Side, Shown(section="Images", unit="px")] = Field(256, title="Width", description="In pixels.")

Forms, the command line and REST are made of the same fields; only forms look at this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Shown:
    """How one field is shown.

    Fields of the same `section` stand in one panel, those of the same `fold` behind one summary in it. `when` names
    another field and the values of it with which this one is meant. `path` says that the text names a folder or file
    on the server's machine; `send` that a file may be sent in its place. `words` are what its values are called.
    """

    section: str = ""
    fold: str = ""
    when: tuple[str, ...] = ()
    path: Literal["", "folder", "file"] = ""
    send: bool = False
    unit: str = ""
    placeholder: str = ""
    lines: int = 1  # of a text
    hidden: bool = False
    words: Mapping[str, str] = field(default_factory=dict)


PLAIN = Shown()


def shown_of(info: FieldInfo) -> Shown:
    """How a field is shown: as its annotation says, or plainly."""
    return next((each for each in info.metadata if isinstance(each, Shown)), PLAIN)


def applies(shown: Shown, options: BaseModel) -> bool:
    """Whether a field is meant, by the value of the field that decides it."""
    if not shown.when:
        return True
    decides, *values = shown.when
    return str(getattr(options, decides)).lower() in values


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields in the order of forms and commands: those of the model itself, then what it has from others."""
    inherited = [name for base in model.__bases__ if issubclass(base, BaseModel) for name in base.model_fields]
    own = [name for name in model.model_fields if name not in inherited]
    above = [base for base in model.__bases__ if issubclass(base, BaseModel) and base is not BaseModel]
    rest = [name for base in above for name in fields_of(base)]
    return {name: model.model_fields[name] for name in [*own, *rest]}
