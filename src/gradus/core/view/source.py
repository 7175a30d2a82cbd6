"""Where data comes from: files that were sent, and paths as they are typed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SentFile(BaseModel):
    """A file that was sent to the server. `reference` stands in a dataset's options where a path would."""

    model_config = ConfigDict(frozen=True)

    reference: str
    bytes: int


class PathEntry(BaseModel):
    """One completion of a path that is being typed."""

    model_config = ConfigDict(frozen=True)

    path: str
    folder: bool
