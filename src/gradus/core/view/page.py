"""Parts of lists."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from gradus.core.event import Event
from gradus.core.job import Job

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the following part, None on the last; `total` counts all parts."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next: str | None = None
    total: int | None = None


class EventPage(BaseModel):
    """Events of one job after a sequence number; `next` is the `after` of the following request."""

    model_config = ConfigDict(frozen=True)

    events: list[Event]
    next: int
    job: Job
