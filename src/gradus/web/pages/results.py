"""What came of a job, in a few words for a list: read once, for a finished job does not change."""

from __future__ import annotations

from functools import lru_cache

from gradus.core.errors import GradusError
from gradus.core.job import Job, JobKind
from gradus.core.state import JobState
from gradus.services import datasets, models
from gradus.services.house import House
from gradus.services.kinds import CLASSIFICATION
from gradus.web.pages.words import count, figure, percent

KEPT = 4096


def result(house: House, job: Job) -> str:
    """The size of a dataset, the accuracy of a model; empty until it is done."""
    return _read(house, job.id, job.kind, job.type, job.finished) if job.state is JobState.DONE else ""


@lru_cache(KEPT)
def _read(house: House, job_id: str, kind: JobKind, job_type: str, _finished: float | None) -> str:
    try:
        if kind is JobKind.DATASET:
            facts = datasets.facts(house, job_id)
            pictures = sum(split.count for split in facts.splits)
            classes = f", {count(len(facts.labels))} classes" if facts.labels else ""
            return f"{count(pictures)} {'pictures' if job_type == CLASSIFICATION else 'samples'}{classes}"
        taken = models.snapshots(house, job_id)
        metrics = max(taken, key=lambda snapshot: snapshot.step).metrics if taken else {}
    except (GradusError, OSError):
        return ""
    for name, value in metrics.items():
        if "accuracy" in name and value is not None:
            return f"accuracy {percent(value) if value <= 1 else figure(value)}"
    return ""
