"""Jobs as they are told, with their files and log."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gradus.core.job import Job, Transition
from gradus.core.state import JobState


class JobView(BaseModel):
    """A job with its course."""

    model_config = ConfigDict(frozen=True)

    job: Job
    history: list[Transition] = []


class JobCounts(BaseModel):
    """How many datasets and models there are in each state. States without any are left out."""

    model_config = ConfigDict(frozen=True)

    datasets: dict[JobState, int] = {}
    models: dict[JobState, int] = {}


class LogPart(BaseModel):
    """Whole lines of a worker's log: the bytes from `start` to `end` of `size`."""

    model_config = ConfigDict(frozen=True)

    text: str
    start: int
    end: int
    size: int


class FileEntry(BaseModel):
    """A file of a job, named relative to the job's folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int
