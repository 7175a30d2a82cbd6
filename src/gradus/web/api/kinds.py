"""`/kinds` and `/plugins`, and the body with which a dataset of any kind is asked for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from gradus.core.dataset import DatasetOptions
from gradus.core.errors import FormError, InputError, NotFoundError
from gradus.core.view.dataset import KindView, PluginView
from gradus.services import kinds
from gradus.web.api.body import StrictRoute, strictly
from gradus.web.api.common import READS

router = APIRouter(tags=["kinds"], route_class=StrictRoute)


class _OfAnyKind:
    """Validates what is asked for with the model of its `type`; the schema is the union of those of all kinds."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        models = {kind.id: _named(kinds.model_of(kind.id)) for kind in kinds.listing()}
        told = f"What the kind of the dataset asks for. Without a `type` it is {kinds.CLASSIFICATION}."
        return handler(core_schema.tagged_union_schema(models, discriminator="type")) | {"description": told}


AnyOptions = Annotated[DatasetOptions, _OfAnyKind()]


def _named(model: type[DatasetOptions]) -> CoreSchema:
    """A model's schema under its name, so that it is a definition of its own wherever it is used."""
    schema: Any = model.__pydantic_core_schema__
    if schema["type"] == "definitions":
        return {**schema, "schema": _with_name(schema["schema"], model)}
    return _with_name(schema, model)


def _with_name(schema: Any, model: type[DatasetOptions]) -> CoreSchema:
    named: CoreSchema = {"ref": f"{model.__module__}.{model.__qualname__}:{id(model)}", **schema}
    return named


def _read(value: object) -> DatasetOptions:
    """The options of the kind that `type` names."""
    kind = value.get("type", kinds.CLASSIFICATION) if isinstance(value, dict) else kinds.CLASSIFICATION
    try:
        model = kinds.model_of(str(kind))
    except NotFoundError as error:  # what is not found is not the address that was asked for
        told = error.problem.model_copy(update={"code": InputError.code})
        raise FormError([told]) from error
    return strictly(model, value)


@router.get("/kinds", responses=READS)
def list_kinds() -> list[KindView]:
    """The kinds of datasets that can be made here, with what each asks for."""
    return kinds.described()


@router.get("/plugins", responses=READS)
def list_plugins() -> list[PluginView]:
    """What is installed, and what of it does not load."""
    return kinds.plugins()
