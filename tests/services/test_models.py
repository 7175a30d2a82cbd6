from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.errors import FormError, InputError, NetworkError, NotFoundError
from gradus.core.event import Metrics, SnapshotTaken
from gradus.core.job import Job
from gradus.core.model import Snapshot, TrainingOptions
from gradus.core.state import JobState
from gradus.services import datasets, job_files, jobs, models
from gradus.services.house import House


@pytest.fixture
def dataset(house: House, pictures: Path) -> Job:
    return datasets.create(house, ClassificationOptions(name="pets", train=str(pictures), width=28, height=32))


def options(built: Job, **more: object) -> TrainingOptions:
    return TrainingOptions.model_validate({"name": "m", "dataset": built.id, **more})


def test_a_model_may_be_made_while_its_dataset_is_built(house: House, dataset: Job) -> None:
    model = models.create(house, options(dataset))
    view = models.view(house, model.id)
    assert (view.job.state, view.job.dataset_id) == (JobState.WAITING, dataset.id)
    assert view.dataset is not None
    assert view.dataset.id == dataset.id
    assert view.options.seed is not None  # drawn and recorded, so that the training can be repeated


def test_what_the_solver_takes_of_its_own_is_recorded(house: House, dataset: Job) -> None:
    """So that a training can be repeated when a later version has other defaults."""
    made = models.options_of(house, models.create(house, options(dataset, solver="adam", policy="poly")).id)
    assert (made.learning_rate, made.momentum, made.momentum2, made.delta) == (0.001, 0.9, 0.999, 1e-8)
    assert (made.power, made.gamma, made.step_percent, made.rms_decay) == (3.0, None, None, None)
    assert models.create(house, made.model_copy(update={"name": "again"}))


@pytest.mark.parametrize(
    ("more", "field", "words", "hint"),
    [
        ({"solver": "adagrad", "momentum": 0.9}, "momentum", "adagrad", "sgd, nesterov, adadelta, adam"),
        ({"solver": "rmsprop", "momentum": 0.0}, "momentum", "rmsprop", "adam"),
        ({"rms_decay": 0.9}, "rms_decay", "sgd", "rmsprop"),
        ({"policy": "multistep", "step_percent": 20}, "step_percent", "multistep", "step, sigmoid"),
        ({"policy": "fixed", "gamma": 0.1}, "gamma", "fixed", "step, multistep"),
    ],
)
def test_a_setting_that_nothing_uses_is_refused(house: House, dataset: Job, more, field, words, hint) -> None:
    with pytest.raises(InputError, match=f"is not used by .*{words}") as caught:
        models.create(house, options(dataset, **more))
    assert caught.value.problem.field == field
    assert hint in (caught.value.problem.hint or "")


def test_the_network_is_compiled_for_the_dataset(house: House, dataset: Job, host: Any) -> None:
    models.create(house, options(dataset, crop_size=20, batch_size=7))
    given = host.asked[0].given
    assert (given.width, given.height, given.channels, given.crop_size, given.batch_size) == (28, 32, 3, 20, 7)


@pytest.mark.parametrize(
    ("more", "field"),
    [({"crop_size": 29}, "crop_size"), ({"device": "cuda:99"}, "device"), ({"network": "nonet"}, "network"),
     ({"network": "custom"}, "network_text"), ({"dataset": "20200101-000000-0123456789"}, "dataset"),
     ({"dataset": "../../etc"}, "dataset")],
)  # fmt: skip
def test_what_does_not_fit_names_its_field(house: House, dataset: Job, more: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        models.create(house, options(dataset, **more))
    assert [p.field for p in caught.value.problems()] == [field]


def test_a_broken_network_names_the_line(house: House, dataset: Job) -> None:
    with pytest.raises(NetworkError) as caught:
        models.create(house, options(dataset, network="custom", network_text="name: 'x'\nlayer {\nbroken\n}"))
    assert (caught.value.problem.field, caught.value.problem.line) == ("network_text", 3)


def test_all_that_is_wrong_is_told_at_once(house: House, dataset: Job) -> None:
    wrong = {"network": "custom", "network_text": "broken", "crop_size": 99, "device": "cuda:7"}
    with pytest.raises(FormError) as caught:
        models.create(house, options(dataset, **wrong))
    assert {p.field for p in caught.value.problems()} == {"network_text", "crop_size", "device"}


def test_a_failed_dataset_is_refused(house: House, dataset: Job, finish: Callable[..., Job]) -> None:
    finish(dataset, JobState.ERROR)
    with pytest.raises(InputError, match="pets") as caught:
        models.create(house, options(dataset))
    assert caught.value.problem.field == "dataset"


def test_without_the_engine_host_a_model_waits_unchecked(house: House, dataset: Job, host: Any) -> None:
    host.ready = False
    assert models.create(house, options(dataset)).state is JobState.WAITING


def test_what_there_is_so_far_is_shown(house: House, dataset: Job, say: Callable[..., None]) -> None:
    model = models.create(house, options(dataset))
    taken = Snapshot(name="epoch-00001.00", epoch=1, step=10, bytes=5)
    say(
        model,
        Metrics(step=5, epoch=0.5, values={"train/loss": 2.0}),
        Metrics(step=10, epoch=1.0, values={"train/loss": float("nan"), "val/accuracy": 0.5}),
        SnapshotTaken(snapshot=taken),
    )
    view = models.view(house, model.id)
    assert view.latest == {"train/loss": None, "val/accuracy": 0.5}
    assert view.seq == 3
    assert {s.name: [p.value for p in s.points] for s in models.series(house, model.id)} == {
        "train/loss": [2.0, None], "val/accuracy": [0.5],
    }  # fmt: skip
    assert view.snapshots == []  # the disk is the truth: this one was never written


def test_only_listed_files_are_given(house: House, dataset: Job) -> None:
    model = models.create(house, options(dataset))
    folder = house.home.job_folder(model.id)
    (folder / "deploy.prototxt").write_text("name: 'x'")
    (folder / "leak.txt").symlink_to("/etc/passwd")
    (folder / ".secret.txt").write_text("x")
    assert {entry.name for entry in job_files.files(house, model.id)} == {"deploy.prototxt", "job.json"}
    assert job_files.file(house, model.id, "deploy.prototxt").read_text() == "name: 'x'"
    for name in ("leak.txt", "../../gradus.db", "/etc/passwd", "", ".", ".secret.txt", "snapshots"):
        with pytest.raises(NotFoundError):
            job_files.file(house, model.id, name)


def test_deleting_forgets_its_curves(house: House, dataset: Job, say: Callable[..., None]) -> None:
    model = models.create(house, options(dataset))
    say(model, Metrics(step=5, epoch=0.5, values={"loss": 2.0}))
    assert models.series(house, model.id)
    jobs.delete(house, model.id)
    with pytest.raises(NotFoundError):
        models.series(house, model.id)
