"""Datasets, the kinds of them, and the plugins that bring kinds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue, SerializeAsAny

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetFacts, DatasetOptions
from gradus.core.generic import GenericFacts
from gradus.core.job import Job, Transition


class DatasetView(BaseModel):
    """A dataset: what was asked for, what was built (None until then), and the models that use it."""

    model_config = ConfigDict(frozen=True)

    job: Job
    options: ClassificationOptions | SerializeAsAny[DatasetOptions]
    facts: DatasetFacts | GenericFacts | None = None
    models: list[Job] = []
    history: list[Transition] = []


class KindView(BaseModel):
    """A kind of dataset that can be made here. `category` is the menu it stands in, `options` what it asks for.

    These are described as a JSON Schema, where that is asked for.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    category: str
    summary: str = ""
    options: dict[str, JsonValue] = {}


class PluginView(BaseModel):
    """An installed plugin: the kinds of data that it provides, or the error with which it does not load."""

    model_config = ConfigDict(frozen=True)

    name: str
    distribution: str
    version: str
    kinds: list[str] = []
    error: str = ""
