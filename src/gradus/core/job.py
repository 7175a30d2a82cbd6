"""A job: the making of a dataset or a model."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from gradus.core.errors import Problem
from gradus.core.state import JobState

JOB_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{10}")


class JobKind(StrEnum):
    DATASET = "dataset"
    MODEL = "model"


class Transition(BaseModel):
    """One change of state, with the moment it was written (Unix seconds)."""

    model_config = ConfigDict(frozen=True)

    at: float
    before: JobState | None
    after: JobState
    note: str = ""


class Job(BaseModel):
    """What every list and page needs to know of a job. Times are Unix seconds, progress is 0 to 1."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: JobKind
    type: str  # "classification": which options model made it
    name: str
    state: JobState
    group: str = ""
    notes: str = ""
    created: float
    started: float | None = None
    finished: float | None = None
    progress: float = 0.0
    activity: str = ""  # what it is doing now, or what it waits for, in words
    dataset_id: str | None = None  # of a model; of a dataset the one it is a version of
    device: str = ""  # "cpu", "cuda:0", once it has been given
    problem: Problem | None = None


class JobRecord(BaseModel):
    """A job with all that was asked for: the content of `job.json`, enough to rebuild a lost database."""

    model_config = ConfigDict(frozen=True)

    job: Job
    options: dict[str, JsonValue]
    history: list[Transition]


def new_job_id(now: datetime | None = None) -> str:
    """An id in DIGITS' form, `YYYYMMDD-HHMMSS-xxxxxxxxxx`, with 40 random bits so that none collide."""
    moment = now or datetime.now(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(5)}"
