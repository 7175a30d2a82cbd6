"""The server and the computer that it runs on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gradus.core.view.job import JobCounts


class Device(BaseModel):
    """Something to train on. Bytes are None where the system does not tell."""

    model_config = ConfigDict(frozen=True)

    id: str  # "cpu", "cuda:0"
    name: str
    memory_total: int | None = None
    memory_used: int | None = None
    utilisation: float | None = None  # 0 to 1
    temperature: float | None = None  # degrees Celsius
    job_id: str | None = None


class Machine(BaseModel):
    """The computer the server runs on. Sizes in bytes, `processor` from 0 to 1."""

    model_config = ConfigDict(frozen=True)

    cores: int
    processor: float | None = None
    memory_total: int
    memory_used: int
    disk_total: int
    disk_free: int


class SystemView(BaseModel):
    """The server about itself: what `gradus doctor` and the system page show."""

    model_config = ConfigDict(frozen=True)

    version: str
    python: str
    platform: str
    started: float
    home: str
    data_roots: list[str]
    auth: str  # "token" or "none"
    engine_ready: bool  # whether the warm engine host answers
    machine: Machine
    devices: list[Device]
    jobs: JobCounts


class ServerInfo(BaseModel):
    """Who holds a home folder: the content of `server.json`."""

    model_config = ConfigDict(frozen=True)

    pid: int
    url: str
    kind: str  # "server", or "command" while a command hosts the scheduler for itself
    started: float
