"""The kinds of datasets that can be made here: classification, and those that plugins provide."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import DatasetOptions
from gradus.core.view.dataset import KindView, PluginView
from gradus.plugins import manager
from gradus.plugins.data import Kind

CLASSIFICATION = "classification"
_CLASSIFICATION = KindView(
    id=CLASSIFICATION, title="Classification", category="Images", summary="One class for each picture."
)


def listing() -> list[KindView]:
    """Every kind, classification first, then by menu and title."""
    others = sorted(manager.kinds().values(), key=lambda kind: (kind.category, kind.title == "Other", kind.title))
    return [
        _CLASSIFICATION,
        *(KindView(id=k.id, title=k.title, category=k.category, summary=k.summary) for k in others),
    ]


def described() -> list[KindView]:
    """Every kind with the JSON Schema of what it asks for."""
    return [
        kind.model_copy(update={"options": model_of(kind.id).model_json_schema(mode="validation")})
        for kind in listing()
    ]


def view_of(kind: str) -> KindView:
    """One kind; `NotFoundError` names those that there are."""
    model_of(kind)
    return next(each for each in listing() if each.id == kind)


def model_of(kind: str) -> type[DatasetOptions]:
    """The model of what a kind asks for; `NotFoundError` names the kinds that there are."""
    return ClassificationOptions if kind == CLASSIFICATION else manager.kind(kind).options


def of(options: DatasetOptions) -> Kind:
    """The kind of data that options are for."""
    return manager.kind(options.type)


def become(options: DatasetOptions) -> DatasetOptions:
    """The options of the dataset that is made: a kind may stand for another."""
    if not isinstance(options, ClassificationOptions):
        return of(options).become(options)
    if options.method is not Method.DIGITS:
        return options
    from gradus.data.digits_job import described

    return described(options)


def read(values: Mapping[str, JsonValue]) -> DatasetOptions:
    """Options as they were stored, also of a kind whose plugin is gone."""
    kind = str(values["type"])
    known = kind == CLASSIFICATION or kind in manager.kinds()
    return (model_of(kind) if known else DatasetOptions).model_validate(values)


def plugins() -> list[PluginView]:
    """What is installed, and what of it does not load."""
    return [
        PluginView(
            name=p.name,
            distribution=p.distribution,
            version=p.version,
            kinds=[kind.id for kind in p.kinds],
            error=p.error,
        )
        for p in manager.plugins()
    ]
