"""The making of a classification dataset."""

from __future__ import annotations

from pathlib import Path

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.report import Report
from gradus.data.build import build_classification
from gradus.data.digits_import import import_classification
from gradus.data.remote import secrets
from gradus.data.uploads import FOLDER, located
from gradus.data.versions import prepare_version
from gradus.jobs.task import Task


def run(task: Task, folder: Path, report: Report) -> None:
    """Build the databases in the job's folder; a folder left half done by an earlier start is done again."""
    sent = folder.parent.parent / FOLDER, folder / FOLDER  # of the home, and what is linked for this job
    asked = ClassificationOptions.model_validate(task.options)
    kept = folder.parent.parent / secrets.FOLDER
    options = secrets.located(located(asked, sent), (folder / secrets.FOLDER, kept))
    if options.version and task.dataset:
        prepare_version(folder / task.dataset, folder, options.version)
    build = import_classification if options.method is Method.DIGITS else build_classification
    build(options, folder, report)
    secrets.forget(asked, kept, folder)
