"""The course of a job as a terminal shows it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gradus.cli.following import watch
from gradus.core.event import Metrics
from gradus.core.job import Job, JobKind
from gradus.core.state import JobState
from gradus.core.view.page import EventPage

JOB = Job(id="20260101-000000-0000000000", kind=JobKind.MODEL, type="classification", name="lenet",
          state=JobState.RUNNING, created=0.0)  # fmt: skip


def page(epoch: int, state: JobState) -> EventPage:
    point = Metrics(seq=epoch, time=0.0, step=epoch, epoch=epoch, values={"val/accuracy": 0.5})
    return EventPage(events=[point], next=epoch, job=JOB.model_copy(update={"state": state}))


def test_that_a_job_has_ended_is_its_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [page(1, JobState.RUNNING), page(2, JobState.DONE)]
    jobs = SimpleNamespace(pages=lambda *_, **__: iter(pages))
    ended = watch(cast("Any", SimpleNamespace(client=SimpleNamespace(jobs=jobs))), JOB.id)
    assert ended.state is JobState.DONE
    assert [line.strip() for line in capsys.readouterr().err.splitlines()] == [
        "lenet: running", "epoch 1  val/accuracy 50.00%", "epoch 2  val/accuracy 50.00%", "lenet: done",
    ]  # fmt: skip
