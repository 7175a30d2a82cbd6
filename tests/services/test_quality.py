"""What services tell of samples, on datasets that the worker's own task has built."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.errors import ConflictError, InputError, NotFoundError
from gradus.core.flaw import Flaw
from gradus.core.job import Job
from gradus.core.quality import Note, VersionOptions
from gradus.data.index import FOLDER
from gradus.jobs.task import Task
from gradus.jobs.tasks import build_dataset
from gradus.services import datasets, quality
from gradus.services.house import House


class Quiet:
    """A report that nobody reads."""

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None: ...
    def metrics(self, *_: object) -> None: ...
    def snapshot(self, *_: object) -> None: ...
    def counts(self, *_: object) -> None: ...
    def warning(self, message: str) -> None: ...
    def stopping(self) -> bool:
        return False


def built(house: House, job: Job) -> Job:
    """What a worker would do."""
    options = house.store.record(job.id).options
    dataset = f"../{job.dataset_id}" if job.dataset_id else None
    task = Task(job_id=job.id, kind=job.kind, type=job.type, nonce="n", options=options, dataset=dataset)
    build_dataset.run(task, house.home.job_folder(job.id), Quiet())  # type: ignore[arg-type]
    return job


def make(house: House, folder: Path, **more: object) -> Job:
    given = {"name": "pets", "train": str(folder), "width": 8, "height": 8, "validation_percent": 50, **more}
    return built(house, datasets.create(house, ClassificationOptions.model_validate(given)))


@pytest.fixture
def leaky(pictures: Path) -> Path:
    """Each picture twice, so that half of the copies are in another split."""
    for path in list(pictures.rglob("*.*")):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    return pictures


def test_leaks_are_warned_of_until_somebody_says_that_they_may_stay(house: House, leaky: Path) -> None:
    job = make(house, leaky)
    found = quality.view(house, job.id)
    assert found.warns and found.quality.leaks > 0
    assert {f.kind for f in found.quality.findings} >= {Flaw.EXACT_DUPLICATES, Flaw.LEAKS}
    said = quality.acknowledge(house, job.id, Note(note="They are the same cats on purpose"), by="me")
    assert not said.warns and said.acknowledged is not None
    assert (said.acknowledged.by, said.acknowledged.note) == ("me", "They are the same cats on purpose")
    assert quality.view(house, job.id) == said
    assert quality.withdraw(house, job.id).warns and quality.view(house, job.id).warns


def test_what_has_no_leaks_needs_no_word(house: House, pictures: Path) -> None:
    job = make(house, pictures)
    assert not quality.view(house, job.id).warns
    with pytest.raises(ConflictError, match="no leaks"):
        quality.acknowledge(house, job.id, Note(note="x"), by="me")


def test_a_version_is_made_and_its_line_is_known(house: House, leaky: Path) -> None:
    parent = make(house, leaky)
    leaks = quality.view(house, parent.id).quality
    expected = next(f.left_out for f in leaks.findings if f.kind == Flaw.LEAKS)
    child = built(house, quality.make_version(house, parent.id, VersionOptions(without=["leaks"])))
    assert child.name == "pets (2)" and child.dataset_id == parent.id
    assert quality.view(house, child.id).quality.leaks == 0
    line = quality.lineage(house, child.id)
    assert (line.parent and line.parent.id, line.without, line.left_out) == (parent.id, ["leaks"], expected)
    assert [job.id for job in quality.lineage(house, parent.id).children] == [child.id]
    third = built(house, quality.make_version(house, child.id, VersionOptions(without=["exact-duplicates"])))
    assert third.name == "pets (3)"
    facts = datasets.facts(house, third.id)
    assert sum(split.count for split in facts.splits) == 12


def test_a_version_outlives_its_parent(house: House, leaky: Path, finish: Callable[..., Job]) -> None:
    parent = make(house, leaky)
    finish(parent)
    child = quality.make_version(house, parent.id, VersionOptions(without=["leaks"], name="clean"))
    from gradus.services import jobs

    jobs.delete(house, parent.id)
    assert quality.lineage(house, child.id).parent is None
    assert quality.lineage(house, child.id).parent_id == parent.id
    built(house, child)
    assert quality.view(house, child.id).quality.leaks == 0


def test_a_version_of_what_is_not_there_is_refused(house: House, pictures: Path) -> None:
    with pytest.raises(NotFoundError):
        quality.make_version(house, "20200101-000000-0123456789", VersionOptions(without=["leaks"]))
    waiting = datasets.create(house, ClassificationOptions(name="n", train=str(pictures)))
    with pytest.raises(NotFoundError, match="not been built"):
        quality.make_version(house, waiting.id, VersionOptions(without=["leaks"]))
    asked = {"name": "n", "train": str(pictures), "version": {"parent": "../../x", "without": ["leaks"]}}
    with pytest.raises(NotFoundError):
        datasets.create(house, ClassificationOptions.model_validate(asked))


def test_a_version_of_a_list_that_was_sent_has_it_too(house: House, leaky: Path) -> None:
    lines = "".join(f"{path} {int(path.parent.name == 'dog')}\n" for path in sorted(leaky.rglob("*.*")))
    sent = {}
    for name, text in (("train", lines), ("labels", "cat\ndog\n")):
        path = leaky.parent / f"{name}.txt"
        path.write_text(text)
        with path.open("rb") as content:
            sent[name] = datasets.keep(house, path.name, content)
    given = {"name": "n", "method": "textfile", "width": 8, "height": 8, "validation_percent": 50, **sent}
    parent = built(house, datasets.create(house, ClassificationOptions.model_validate(given)))
    shutil.rmtree(house.home.uploads)  # a day has passed
    child = built(house, quality.make_version(house, parent.id, VersionOptions(without=["leaks"])))
    assert quality.view(house, child.id).quality.leaks == 0


def test_all_that_is_known_of_a_sample(house: House, leaky: Path) -> None:
    job = make(house, leaky)
    found = quality.detail(house, job.id, Split.TRAIN, 3)
    assert found.file is not None
    path = Path(found.file)
    content = path.read_bytes()
    with Image.open(path) as picture:
        assert (found.width, found.height) == picture.size
    assert (found.bytes, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert found.label_name == path.parent.name and found.hash is not None and len(found.hash) == 16
    assert Flaw.EXACT_DUPLICATES in found.flaws
    with pytest.raises(NotFoundError):
        quality.detail(house, job.id, Split.TRAIN, 10**6)
    with pytest.raises(NotFoundError):
        quality.detail(house, job.id, Split.TEST, 0)


def test_a_copy_is_the_most_similar(house: House, leaky: Path) -> None:
    job = make(house, leaky)
    here = quality.detail(house, job.id, Split.VAL, 0)
    nearest, *others = quality.similar(house, job.id, Split.VAL, 0, limit=5)
    assert len(others) == 4 and (nearest.distance, nearest.difference) == (0, 0)
    assert here.file is not None and leaky / nearest.sample.file != Path(here.file)
    assert (leaky / nearest.sample.file).read_bytes() == Path(here.file).read_bytes()
    assert [s.difference for s in others] == sorted(s.difference for s in others)


def test_pairs_come_in_pages_and_by_finding(house: House, leaky: Path) -> None:
    job = make(house, leaky)
    every = quality.pairs(house, job.id, limit=500)
    assert every.total == len(every.items) == 12
    first = quality.pairs(house, job.id, limit=5)
    second = quality.pairs(house, job.id, offset=int(first.next or 0), limit=500)
    assert [*first.items, *second.items] == every.items and second.next is None
    leaks = quality.pairs(house, job.id, Flaw.LEAKS, limit=500).items
    assert leaks and all((p.first.split, p.second.split) == (Split.VAL, Split.TRAIN) for p in leaks)
    assert len(leaks) == sum(p.first.split != p.second.split for p in every.items)


def test_an_older_dataset_still_opens(house: House, pictures: Path) -> None:
    job = make(house, pictures)
    folder = house.home.job_folder(job.id)
    shutil.rmtree(folder / FOLDER)
    (folder / "quality.json").unlink()
    assert quality.view_or_none(house, job.id) is None
    found = quality.detail(house, job.id, Split.TRAIN, 0)
    assert found.label_name in ("cat", "dog")
    assert (found.file, found.sha256, found.width, found.flaws) == (None, None, None, [])
    for ask in (quality.view, quality.pairs):
        with pytest.raises(NotFoundError, match="not looked at"):
            ask(house, job.id)
    with pytest.raises(NotFoundError, match="not looked at"):
        quality.similar(house, job.id, Split.TRAIN, 0)
    with pytest.raises(ConflictError, match="before its samples were looked at"):
        quality.make_version(house, job.id, VersionOptions(without=["leaks"]))
    assert quality.lineage(house, job.id).children == []


def test_a_damaged_result_is_told(house: House, pictures: Path) -> None:
    job = make(house, pictures)
    path = house.home.job_folder(job.id) / "quality.json"
    path.write_text(json.dumps({"samples": "many"}))
    with pytest.raises(InputError, match="damaged"):
        quality.view(house, job.id)
    assert quality.view_or_none(house, job.id) is None
