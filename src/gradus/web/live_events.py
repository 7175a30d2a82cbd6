"""The data of live events. All but `devices` have the job's `id`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gradus.core.dataset import Split
from gradus.core.job import Job
from gradus.core.model import Snapshot
from gradus.core.view.system import Device, Machine


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class StatusData(_Data):
    """`status`: a job has changed."""

    id: str
    job: Job


class ProgressData(_Data):
    """`progress`: how far a job is, 0 to 1, and how many samples it does in a second."""

    id: str
    fraction: float
    activity: str
    rate: float | None = None


class MetricPoint(_Data):
    """Values of several series at one step."""

    step: int
    epoch: float
    values: dict[str, float | None]
    time: float


class MetricData(_Data):
    """`metric`: points that are new."""

    id: str
    points: list[MetricPoint]


class SnapshotData(_Data):
    """`snapshot`: weights were kept."""

    id: str
    snapshot: Snapshot


class CountsData(_Data):
    """`counts`: how many samples of each class a database holds so far."""

    id: str
    split: Split
    labels: list[str]
    counts: list[int]


class WarningData(_Data):
    """`warning`: what the user should know although the work goes on."""

    id: str
    message: str


class LogData(_Data):
    """`log`: lines that the worker has printed."""

    id: str
    text: str


class Deleted(_Data):
    """`deleted`: a job is gone."""

    id: str


class DevicesData(_Data):
    """`devices`: how busy everything is."""

    devices: list[Device]
    machine: Machine
