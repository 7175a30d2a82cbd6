"""The import of a dataset of DIGITS: one field is asked for, and a dataset that can be trained on comes of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import lmdb
import pytest

from gradus.builtin.digits_import import ImportOptions
from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import Split
from gradus.core.errors import InputError, OutsideDataRootsError
from gradus.jobs.task import TASKS, Task, find
from gradus.services import datasets, models, samples
from gradus.services.house import House


def write_job(folder: Path, caffe: SimpleNamespace) -> Path:
    (folder / "train_db").mkdir(parents=True)
    (folder / "labels.txt").write_text("cat\ndog\n")
    with lmdb.open(str(folder / "train_db"), map_size=2**22) as environment, environment.begin(write=True) as writing:
        for i in range(4):
            datum = caffe.Datum(channels=3, height=5, width=7, data=bytes([i * 50] * 105), label=i % 2, encoded=False)
            writing.put(b"%08d_%d" % (i, i % 2), datum.SerializeToString())
    return folder


@pytest.fixture
def job(tmp_path: Path, caffe: SimpleNamespace) -> Path:
    return write_job(tmp_path / "data" / "20160101-101010-abcd", caffe)


def asked(folder: Path) -> ImportOptions:
    return ImportOptions(name="old", group="from DIGITS", folder=str(folder))


def test_it_becomes_a_classification_dataset_of_the_size_of_its_records(house: House, job: Path, memory) -> None:
    made = datasets.create(house, asked(job))
    assert (made.type, made.name, made.group) == ("classification", "old", "from DIGITS")
    options = datasets.options_of(house, made.id)
    assert isinstance(options, ClassificationOptions)
    assert (options.method, options.train, options.width, options.height) == (Method.DIGITS, str(job), 7, 5)
    given = models.network_input(house, made.id)
    assert (given.width, given.height, given.channels) == (7, 5, 3)
    record = house.store.record(made.id)
    task = Task(job_id=made.id, kind=made.kind, type=made.type, options=record.options, nonce="n")
    find(task, TASKS)(task, house.home.job_folder(made.id), memory())
    page = samples.listing(house, made.id, Split.TRAIN, label=1)
    assert [sample.index for sample in page.items] == [1, 3]
    assert datasets.class_names(house, made.id) == ["cat", "dog"]
    wrong = options.model_copy(update={"width": 99, "channels": 1, "validation_percent": 50, "name": "again"})
    again = datasets.options_of(house, datasets.create(house, wrong).id)
    assert again == options.model_copy(update={"name": "again"})  # what a form says of the pictures does not count


def test_a_folder_outside_the_data_roots_or_of_something_else_names_the_field(
    house: House, tmp_path: Path, caffe: SimpleNamespace
) -> None:
    outside = write_job(tmp_path / "outside", caffe)
    with pytest.raises(OutsideDataRootsError) as caught:
        datasets.create(house, asked(outside))
    assert caught.value.problem.field == "folder"
    (tmp_path / "data" / "other").mkdir(parents=True)
    with pytest.raises(InputError, match="it has no train_db") as refused:
        datasets.create(house, asked(tmp_path / "data" / "other"))
    assert refused.value.problem.field == "folder"
