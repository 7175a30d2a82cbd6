"""The making of a dataset of a kind that a plugin provides."""

from __future__ import annotations

from pathlib import Path

from gradus.core.report import Report
from gradus.data.generic import build_generic
from gradus.data.uploads import FOLDER, located
from gradus.data.versions import prepare_version
from gradus.jobs.task import Task
from gradus.plugins.manager import kind


def run(task: Task, folder: Path, report: Report) -> None:
    """Build the databases in the job's folder; a folder left half done by an earlier start is done again."""
    sent = folder.parent.parent / FOLDER, folder / FOLDER  # of the home, and what is linked for this job
    chosen = kind(task.type)
    options = located(chosen.options.model_validate(task.options), sent)
    if options.version and task.dataset:
        prepare_version(folder / task.dataset, folder, options.version)
    if chosen.builds:
        chosen.build(options, folder, report)
    else:
        build_generic(chosen, options, folder, report)
