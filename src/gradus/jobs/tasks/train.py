"""The training of a model."""

from __future__ import annotations

from pathlib import Path

from gradus.core.model import TrainingOptions
from gradus.core.report import Report
from gradus.engine.train import train
from gradus.jobs.task import Task


def run(task: Task, folder: Path, report: Report) -> None:
    """Train in the job's folder, from the newest snapshot when the job is resumed."""
    options = TrainingOptions.model_validate(task.options)
    dataset = (folder / (task.dataset or "")).resolve()
    train(options, dataset, folder, report, device=task.device, resume=task.resume)
