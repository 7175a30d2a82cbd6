from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.errors import ConflictError, NotFoundError
from gradus.core.event import Metrics, Progress
from gradus.core.job import Job, JobKind
from gradus.core.model import TrainingOptions
from gradus.core.state import JobState
from gradus.jobs.query import JobQuery
from gradus.services import datasets, jobs, models
from gradus.services.house import House
from gradus.services.jobs import JobChange


@pytest.fixture
def dataset(house: House, pictures: Path) -> Job:
    return datasets.create(house, ClassificationOptions(name="pets", train=str(pictures)))


def train(house: House, dataset: Job, name: str) -> Job:
    return models.create(house, TrainingOptions(name=name, dataset=dataset.id))


def test_a_dataset_in_use_is_not_deleted_and_its_models_are_named(house: House, dataset: Job) -> None:
    first, second = train(house, dataset, "first"), train(house, dataset, "second")
    with pytest.raises(ConflictError, match=r"'first'.*'second'"):
        jobs.delete(house, dataset.id)
    for model in (first, second):
        jobs.delete(house, model.id)
    jobs.delete(house, dataset.id)
    with pytest.raises(NotFoundError):
        jobs.get(house, dataset.id)
    assert not house.home.job_folder(dataset.id).exists()


@pytest.mark.parametrize("job_id", ["../../x", "a/b", ".", "x" * 300, "é", "", "20260101-000000-0123456789"])
def test_a04_an_id_that_is_none_is_not_found(house: House, job_id: str) -> None:
    for ask in (jobs.view, jobs.abort, jobs.resume, jobs.log, jobs.events, jobs.delete, models.view, datasets.view):
        with pytest.raises(NotFoundError):
            ask(house, job_id)


def test_a_job_of_the_other_kind_is_not_found(house: House, dataset: Job) -> None:
    with pytest.raises(NotFoundError, match="dataset"):
        models.view(house, dataset.id)
    with pytest.raises(NotFoundError, match="model"):
        datasets.view(house, train(house, dataset, "m").id)


def test_abort_and_resume_may_be_repeated(house: House, dataset: Job, finish: Callable[..., Job]) -> None:
    assert jobs.abort(house, dataset.id).state is JobState.ABORTED
    assert jobs.abort(house, dataset.id).state is JobState.ABORTED
    assert jobs.resume(house, dataset.id).state is JobState.WAITING
    assert jobs.resume(house, dataset.id).state is JobState.WAITING
    finish(dataset)
    with pytest.raises(ConflictError, match="ended"):
        jobs.abort(house, dataset.id)
    with pytest.raises(ConflictError, match="is done and cannot be resumed"):
        jobs.resume(house, dataset.id)


def test_name_group_and_notes_change_one_by_one(house: House, dataset: Job) -> None:
    jobs.edit(house, dataset.id, JobChange(notes="<script>alert(1)</script>"))
    job = jobs.edit(house, dataset.id, JobChange(name="cats & dogs"))
    assert (job.name, job.notes, job.group) == ("cats & dogs", "<script>alert(1)</script>", "")


def test_the_place_in_the_queue_counts_its_own_kind(house: House, pictures: Path, dataset: Job) -> None:
    second = datasets.create(house, ClassificationOptions(name="again", train=str(pictures)))
    model = train(house, dataset, "m")
    assert "next" in jobs.place(house, dataset)
    assert "1 before" in jobs.place(house, second)
    assert "next" in jobs.place(house, model)


def test_events_come_in_pages_without_a_gap(house: House, dataset: Job, say: Callable[..., None]) -> None:
    say(dataset, *(Metrics(step=n, epoch=0.0, values={"loss": 1.0}) for n in range(250)))
    seen: list[int] = []
    after = 0
    while True:
        page = jobs.events(house, dataset.id, after, 100)
        assert len(page.events) <= 100
        if not page.events:
            break
        seen += [event.seq for event in page.events]
        after = page.next
    assert seen == list(range(1, 251))
    say(dataset, Progress(fraction=1, activity="done"))
    assert [event.seq for event in jobs.events(house, dataset.id, after).events] == [251]
    assert jobs.events(house, dataset.id, 10**9).events == []


def test_the_log_is_read_in_whole_lines_from_its_end(house: House, dataset: Job) -> None:
    assert jobs.log(house, dataset.id).size == 0
    lines = [f"line {number:04}\n" for number in range(1000)]
    (house.home.job_folder(dataset.id) / "worker.log").write_text("".join(lines))
    last = jobs.log(house, dataset.id, limit=105)
    assert last.text == "".join(lines[-10:])
    before = jobs.log(house, dataset.id, end=last.start, limit=105)
    assert before.text == "".join(lines[-20:-10])
    assert jobs.log(house, dataset.id, end=50).start == 0


def test_lists_and_counts(house: House, dataset: Job) -> None:
    train(house, dataset, "m")
    assert [job.name for job in jobs.listing(house, JobQuery(kind=JobKind.MODEL)).items] == ["m"]
    counts = jobs.counts(house)
    assert (counts.datasets, counts.models) == ({JobState.WAITING: 1}, {JobState.WAITING: 1})
