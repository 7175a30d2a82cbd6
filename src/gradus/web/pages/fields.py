"""A model's fields as a form shows them: sections, folds behind a summary, and what each field is entered with.

Every form of a dataset is made here, of its kind's pydantic model and the `Shown` of its fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Literal

from annotated_types import MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gradus.core.form import Shown, choices_of, fields_of, shown_of, types_of

SIDE_BY_SIDE = 34  # characters of all choices together, with which a field takes half of the width
SEGMENTS = 100  # characters of all choices together, above which they are a menu
MOST_SEGMENTS = 8
SHORT_TEXT = 200  # characters that a text may have to take half of the width
PRESETS = (28, 32, 64, 224, 256)
WIDE = ("path", "keys", "lines", "check")  # widgets that take the whole width whatever they hold
Widget = Literal["segments", "select", "check", "number", "text", "lines", "path", "keys", "size"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `only` says in words when it is meant; `source` marks the first path of a form."""

    name: str
    title: str
    widget: Widget
    shown: Shown
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    wide: bool = False
    only: str = ""
    source: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """Two numbers entered together: width and height. `presets` are sides of squares to choose with one click."""

    title: str
    width: Field
    height: Field
    presets: tuple[int, ...] = ()
    widget: Widget = "size"
    wide: bool = False

    @property
    def name(self) -> str:
        """The field that stands for both."""
        return self.width.name

    @property
    def shown(self) -> Shown:
        """How both are shown."""
        return self.width.shown

    @property
    def only(self) -> str:
        """When both are meant."""
        return self.width.only


@dataclass(frozen=True, slots=True)
class Part:
    """Fields that stand together: behind a summary, or openly where that is empty."""

    summary: str
    fields: tuple[Field | Size, ...]

    @property
    def names(self) -> list[str]:
        """The fields by name."""
        pairs = ((f.width, f.height) if isinstance(f, Size) else (f,) for f in self.fields)
        return [field.name for pair in pairs for field in pair]


@dataclass(frozen=True, slots=True)
class Section:
    """One panel of a form."""

    title: str
    parts: tuple[Part, ...]


@lru_cache
def layout(model: type[BaseModel]) -> tuple[Section, ...]:
    """How a model is shown as a form. What is hidden is left out."""
    found = {name: (info, shown_of(info)) for name, info in fields_of(model).items()}
    paths = [name for name, (_, shown) in found.items() if shown.path and not shown.hidden]
    fields = [
        _field(model, name, info, shown, source=name in paths[:1])
        for name, (info, shown) in found.items()
        if not shown.hidden
    ]
    sections: dict[str, list[Field]] = {}
    for field in fields:
        sections.setdefault(field.shown.section or "Options", []).append(field)
    return tuple(Section(title, tuple(_parts(model, inside))) for title, inside in sections.items())


def _parts(model: type[BaseModel], fields: list[Field]) -> Iterable[Part]:
    """Runs of open fields, and each fold where the first of its fields stands."""
    folds: dict[str, list[Field]] = {}
    for field in fields:
        folds.setdefault(field.shown.fold, []).append(field)
    for fold, run in groupby(fields, key=lambda field: field.shown.fold):
        inside = list(run) if not fold else folds.pop(fold, [])
        if inside:
            yield Part(fold, tuple(_paired(model, inside)))


def _paired(model: type[BaseModel], fields: list[Field]) -> Iterable[Field | Size]:
    """The fields, where a width and the height that follows it are one."""
    waiting = iter(fields)
    following = {field.name: after for field, after in pairwise(fields)}
    for field in waiting:
        other = following.get(field.name)
        if other is None or not _is_size(field, other):
            yield field
            continue
        next(waiting)
        stem = field.title.removesuffix("width").removesuffix("Width").strip() or "Image size"
        same = model.model_fields[field.name].default == model.model_fields[other.name].default
        square = same and isinstance(model.model_fields[field.name].default, int)
        yield Size(f"{stem} (Width × Height)", field, other, PRESETS if square else ())


def _is_size(field: Field, other: Field) -> bool:
    stem = field.name.removesuffix("width")
    return field.widget == "number" and stem != field.name and other.name == f"{stem}height"


def _field(model: type[BaseModel], name: str, info: FieldInfo, shown: Shown, *, source: bool) -> Field:
    values = choices_of(info.annotation)
    types = set(types_of(info.annotation))
    if not values and bool in types and shown.words:
        values = ("true", "false")
    offered = [value for value in shown.words if value in values] or values
    choices = tuple((value, shown.words.get(value, value)) for value in offered)
    if choices and type(None) in types:
        choices = (("", shown.placeholder or "Not set"), *choices)
    widget = _widget(types, shown, choices)
    length = sum(len(words) for _, words in choices)
    longest = next((each.max_length for each in info.metadata if isinstance(each, MaxLen)), SHORT_TEXT + 1)
    wide = {"segments": length > SIDE_BY_SIDE, "text": longest > SHORT_TEXT} | dict.fromkeys(WIDE, True)
    return Field(
        name, info.title or name.replace("_", " ").capitalize(), widget, shown, choices, info.is_required(),
        shown.wide or wide.get(widget, False), _only(model, shown), source,
    )  # fmt: skip


def _widget(types: set[type], shown: Shown, choices: tuple[tuple[str, str], ...]) -> Widget:
    if choices:
        few = len(choices) <= MOST_SEGMENTS and sum(len(words) for _, words in choices) <= SEGMENTS
        return "segments" if few else "select"
    if shown.path or shown.keys:
        return "keys" if shown.keys else "path"
    if bool in types:
        return "check"
    if types & {int, float}:
        return "number"
    return "lines" if shown.lines > 1 else "text"


def _only(model: type[BaseModel], shown: Shown) -> str:
    """The condition of a field in words: "Method: Use Text Files or Use Table"."""
    if not shown.when:
        return ""
    decides, *values = shown.when
    info = model.model_fields[decides]
    words = shown_of(info).words
    return f"{info.title or decides}: {' or '.join(words.get(value, value) for value in values)}"
