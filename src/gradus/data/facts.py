"""The content of `dataset.json`, whose presence means that a dataset is complete."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gradus.core.dataset import DatasetFacts
from gradus.core.errors import InputError, NotFoundError
from gradus.core.generic import GenericFacts
from gradus.data.files import write_json

FILE = "dataset.json"
Facts = DatasetFacts | GenericFacts
_FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)


def read_built(folder: Path) -> Facts:
    """What was built in `folder`, of any kind. `NotFoundError` while there is no complete dataset in it."""
    path = folder / FILE
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            "This dataset has not been built yet", file=str(path), hint="Wait until its job is done."
        ) from None
    try:
        return _FACTS.validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{FILE} of this dataset is damaged: {error.errors()[0]['msg']}",
            file=str(path),
            hint="Build the dataset again.",
        ) from None


def read_facts(folder: Path) -> DatasetFacts:
    """What was built of a classification dataset; `InputError` if it is of another kind."""
    facts = read_built(folder)
    if isinstance(facts, GenericFacts):
        raise InputError(
            f"This dataset is for {facts.type}, and classes are asked for",
            file=str(folder / FILE),
            hint="Choose a classification dataset.",
        )
    return facts


def write_facts(folder: Path, facts: Facts) -> None:
    """Declare the dataset in `folder` complete. Everything else of it must be on the disk already."""
    write_json(folder / FILE, facts)
