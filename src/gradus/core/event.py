"""What a worker says while it works: one JSON line each in its job's `events.jsonl`.

Numbered from 1 without gaps, so that whoever follows the file knows that nothing is missing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gradus.core.dataset import Split
from gradus.core.errors import Problem
from gradus.core.model import Snapshot


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    seq: int = 0  # given by the writer
    time: float = 0.0  # Unix seconds, given by the writer


class Started(_Event):
    """The worker runs. Pid, start time (clock ticks, from /proc) and nonce find it again later."""

    type: Literal["started"] = "started"
    pid: int
    start_time: int
    nonce: str
    device: str = "cpu"


class Progress(_Event):
    type: Literal["progress"] = "progress"
    fraction: float  # 0 to 1
    activity: str  # "building train: 3,200 of 45,000"
    rate: float | None = None  # samples per second


class Metrics(_Event):
    """Points of several series at one step: `train/loss`, `val/accuracy`, `learning_rate`."""

    type: Literal["metrics"] = "metrics"
    step: int
    epoch: float
    values: dict[str, float | None]


class SnapshotTaken(_Event):
    type: Literal["snapshot"] = "snapshot"
    snapshot: Snapshot


class Counts(_Event):
    """How many samples of each class one database holds so far."""

    type: Literal["counts"] = "counts"
    split: Split
    labels: list[str]
    counts: list[int]


class Warned(_Event):
    type: Literal["warning"] = "warning"
    message: str


class Finished(_Event):
    """The last word of a worker: done, aborted, or failed with a problem."""

    type: Literal["finished"] = "finished"
    outcome: Literal["done", "aborted", "error"]
    problem: Problem | None = None


Event = Annotated[
    Started | Progress | Metrics | SnapshotTaken | Counts | Warned | Finished, Field(discriminator="type")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
