"""What a worker is told to do: the content of `task.json`, and the functions that do it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from gradus.core.errors import InputError
from gradus.core.job import JobKind
from gradus.core.report import Report

TaskFunction = Callable[["Task", Path, Report], None]


class Task(BaseModel):
    """One start of one job.

    `nonce` was made for this start: a worker that finds another in its folder is late and ends at once.
    `dataset` is the folder of the dataset relative to the job's. `threads` is how many a computation
    may use, 0 for as many as there are cores.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    kind: JobKind
    type: str
    options: dict[str, JsonValue]
    nonce: str
    device: str = "cpu"
    threads: int = 0
    resume: bool = False
    dataset: str | None = None


Tasks = Mapping[tuple[JobKind, str], str]  # "package.module:function" for each kind and type of job

ANY = "*"  # every type that has no task of its own

TASKS: Tasks = {
    (JobKind.DATASET, "classification"): "gradus.jobs.tasks.build_dataset:run",
    (JobKind.DATASET, ANY): "gradus.jobs.tasks.build_generic:run",
    (JobKind.MODEL, "classification"): "gradus.jobs.tasks.train:run",
}


def find(task: Task, tasks: Tasks) -> TaskFunction:
    """The function for a task. It is called with the task, the job's folder and a report.

    It returns when all is done, and raises `Stopped` when it was asked to stop before.
    """
    name = tasks.get((task.kind, task.type)) or tasks.get((task.kind, ANY))
    if name is None:
        valid = ", ".join(f"{kind} {type_}" for kind, type_ in tasks)
        raise InputError(f"there is no task for a {task.type} {task.kind}; there are: {valid}", field="type")
    module, _, function = name.partition(":")
    found: TaskFunction = getattr(importlib.import_module(module), function)
    return found
