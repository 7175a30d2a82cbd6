from __future__ import annotations

import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import Encoding, Split
from gradus.core.errors import ConflictError, FormError, InputError, NotFoundError, OutsideDataRootsError
from gradus.core.event import Counts
from gradus.core.job import JobKind
from gradus.core.state import JobState
from gradus.data.build import build_classification
from gradus.jobs.task import Task
from gradus.jobs.tasks import build_dataset
from gradus.services import datasets, samples
from gradus.services.house import House
from gradus.services.jobs import idempotency_key
from gradus.services.preview import PreviewOptions, preview


class Quiet:
    """A report that nobody reads."""

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None: ...
    def metrics(self, *_: object) -> None: ...
    def snapshot(self, *_: object) -> None: ...
    def counts(self, *_: object) -> None: ...
    def warning(self, message: str) -> None: ...
    def stopping(self) -> bool:
        return False


def options(folder: Path, **more: object) -> ClassificationOptions:
    return ClassificationOptions.model_validate({"name": "pets", "train": str(folder), "width": 8, "height": 8, **more})


def test_the_folder_is_recorded_as_it_was_resolved(house: House, pictures: Path) -> None:
    (pictures.parent / "link").symlink_to(pictures)
    job = datasets.create(house, options(pictures.parent / "link" / ".." / "link"))
    assert datasets.options_of(house, job.id).train == str(pictures)
    assert job.state is JobState.WAITING


@pytest.mark.parametrize(
    ("path", "kind", "match"),
    [("none", InputError, "does not exist"), ("one", InputError, "two"), ("empty", InputError, "sub-folder"),
     ("file.txt", InputError, "file"), ("../outside", OutsideDataRootsError, "outside")],
)  # fmt: skip
def test_a_folder_that_is_no_dataset_names_the_field(
    house: House, tmp_path: Path, make_pictures: Callable[..., Path], path: str, kind: type[InputError], match: str
) -> None:
    make_pictures(tmp_path / "data" / "one", ("cat",))
    make_pictures(tmp_path / "outside")
    (tmp_path / "data" / "empty").mkdir()
    (tmp_path / "data" / "file.txt").touch()
    with pytest.raises(kind, match=match) as caught:
        datasets.create(house, options(tmp_path / "data" / path))
    assert caught.value.problems()[0].field == "train"
    assert datasets.choices(house) == []


def test_all_that_is_wrong_is_told_at_once(house: House, tmp_path: Path) -> None:
    with pytest.raises(FormError) as caught:
        datasets.create(house, options(tmp_path / "data" / "none", validation_percent=100))
    assert [p.field for p in caught.value.problems()] == ["train", "validation_percent"]


def test_the_owner_is_not_held_to_the_roots(house: House, tmp_path: Path, make_pictures: Callable[..., Path]) -> None:
    outside = make_pictures(tmp_path / "outside")
    assert datasets.create(house, options(outside), unrestricted=True).name == "pets"


def test_a_repeated_request_makes_one_dataset(house: House, pictures: Path) -> None:
    key = idempotency_key("k", "/datasets", "session", b"body")
    first = datasets.create(house, options(pictures), key=key)
    assert datasets.create(house, options(pictures), key=key).id == first.id
    assert len(datasets.choices(house)) == 1
    with pytest.raises(ConflictError):
        datasets.create(house, options(pictures), key=idempotency_key("k", "/datasets", "session", b"another"))
    other = datasets.create(house, options(pictures), key=idempotency_key("k", "/datasets", "a token", b"body"))
    assert other.id != first.id


def test_a_failed_dataset_is_no_choice(house: House, pictures: Path, finish: Callable[..., object]) -> None:
    good, bad = (datasets.create(house, options(pictures)) for _ in range(2))
    finish(bad, JobState.ERROR)
    assert [job.id for job in datasets.choices(house)] == [good.id]


def test_classes_are_known_while_it_is_being_built(house: House, pictures: Path, say: Callable[..., None]) -> None:
    job = datasets.create(house, options(pictures))
    assert datasets.class_names(house, job.id) == []
    assert datasets.view(house, job.id).facts is None
    for counts in ([1, 0], [4, 3]):
        say(job, Counts(split=Split.TRAIN, labels=["cat", "dog"], counts=counts))
    assert [part.counts for part in datasets.partial(house, job.id)] == [[4, 3]]
    assert datasets.class_names(house, job.id) == ["cat", "dog"]
    with pytest.raises(NotFoundError):
        samples.listing(house, job.id, Split.TRAIN)


def test_a_built_dataset_is_looked_into(house: House, pictures: Path) -> None:
    (pictures / "cat" / "bad.png").write_bytes(b"no picture")
    asked = options(pictures, unreadable_percent=50, validation_percent=0, encoding=Encoding.PNG)
    job = datasets.create(house, asked)
    build_classification(datasets.options_of(house, job.id), house.home.job_folder(job.id), Quiet())
    view = datasets.view(house, job.id)
    assert view.facts is not None
    assert view.facts.labels == ["cat", "dog"]
    page = samples.listing(house, job.id, Split.TRAIN, limit=5)
    assert (page.total, len(page.items), page.next) == (12, 5, "5")
    dogs = samples.listing(house, job.id, Split.TRAIN, label=1, offset=4, limit=5)
    assert (dogs.total, [s.label_name for s in dogs.items], dogs.next) == (6, ["dog", "dog"], None)
    assert samples.picture(house, job.id, Split.TRAIN, dogs.items[0].index).startswith(b"\x89PNG")
    assert [bad.file for bad in datasets.unreadable(house, job.id).items] == ["cat/bad.png"]
    assert datasets.mean_picture(house, job.id).read_bytes().startswith(b"\xff\xd8")
    for index in (-1, 12, 10**12):
        with pytest.raises(NotFoundError):
            samples.picture(house, job.id, Split.TRAIN, index)
    with pytest.raises(NotFoundError):
        samples.listing(house, job.id, Split.TRAIN, label=2)
    assert samples.listing(house, job.id, Split.TEST).items == []


def test_a_preview_counts_and_shows_without_keeping_anything(house: House, pictures: Path) -> None:
    (pictures / "few").mkdir()
    (pictures / "few" / "1.png").write_bytes(b"no picture")
    asked = PreviewOptions(train=str(pictures), width=8, height=8, count=4, maximum_per_class=4)
    found = preview(house, asked)
    assert [(c.name, c.count, c.train, c.val, c.test) for c in found.classes] == [
        ("cat", 6, 3, 1, 0), ("dog", 6, 3, 1, 0), ("few", 1, 0, 0, 0),
    ]  # fmt: skip
    assert found.left_out == ["few"]
    assert len(found.pictures) + len(found.unreadable) == 4
    assert all(
        p.source.startswith("data:image/png;base64,") and (p.width, p.height) == (16, 16) for p in found.pictures
    )
    assert datasets.choices(house) == []


def test_a_preview_stays_within_the_roots(house: House, tmp_path: Path, make_pictures: Callable[..., Path]) -> None:
    outside = make_pictures(tmp_path / "outside")
    with pytest.raises(OutsideDataRootsError):
        preview(house, PreviewOptions(train=str(outside)))


def test_other_folders_stay_within_the_roots_too(
    house: House, pictures: Path, tmp_path: Path, make_pictures: Callable[..., Path]
) -> None:
    outside = make_pictures(tmp_path / "outside")
    with pytest.raises(FormError) as caught:
        datasets.create(house, options(pictures, validation=str(outside), test=str(tmp_path / "data" / "none")))
    assert [p.field for p in caught.value.problems()] == ["validation", "test"]
    with pytest.raises(OutsideDataRootsError):
        preview(house, PreviewOptions(train=str(pictures), test=str(outside)))
    strange = make_pictures(tmp_path / "data" / "strange", ("eel", "fly"))
    with pytest.raises(InputError, match="None of the 2") as wrong:
        datasets.create(house, options(pictures, test=str(strange)))
    assert wrong.value.problems()[0].field == "test"


def test_a_preview_counts_the_other_folders(house: House, pictures: Path, make_pictures: Callable[..., Path]) -> None:
    own = make_pictures(pictures.parent / "val", ("dog", "eel"), count=4)
    found = preview(house, PreviewOptions(train=str(pictures), validation=str(own), test_percent=50, width=8, height=8))
    assert [(c.name, c.count, c.train, c.val, c.test) for c in found.classes] == [
        ("cat", 6, 3, 0, 3), ("dog", 10, 3, 4, 3),
    ]  # fmt: skip
    assert found.unknown == ["eel"]


def test_lists_stay_within_the_roots(house: House, pictures: Path, tmp_path: Path) -> None:
    (pictures / "labels.txt").write_text("cat\ndog\n")
    (pictures / "train.txt").write_text("cat/0.png 0\ncat/1.png 0\ndog/2.png 1\n/etc/passwd 1\n")
    given = {"method": "textfile", "labels": str(pictures / "labels.txt"), "unreadable_percent": 50}
    job = datasets.create(house, options(pictures / "train.txt", roots=["/"], **given))
    recorded = datasets.options_of(house, job.id)
    assert recorded.roots == [str(tmp_path / "data")]  # whatever the request said
    facts = build_classification(recorded, tmp_path / "job", Quiet())
    assert facts.unreadable == 1
    assert "/etc" not in (tmp_path / "job" / "train.txt").read_text()
    owner = datasets.create(house, options(pictures / "train.txt", **given), unrestricted=True)
    assert datasets.options_of(house, owner.id).roots is None
    with pytest.raises(OutsideDataRootsError):
        datasets.create(house, options(pictures / "train.txt", **{**given, "labels": "/etc/passwd"}))
    with pytest.raises(OutsideDataRootsError):
        datasets.create(house, options(pictures / "train.txt", image_folder="/etc", **given))
    with pytest.raises(InputError, match="is a folder, not a file"):
        datasets.create(house, options(pictures, **given))


def test_a_list_that_was_sent_is_shown_and_built(house: House, pictures: Path, tmp_path: Path) -> None:
    lines = "".join(
        f"{pictures}/{label}/{i}.png {number}\n" for i in range(6) for number, label in enumerate(("cat", "dog"))
    )
    train, labels = (datasets.keep(house, "a.txt", BytesIO(text.encode())) for text in (lines + "x\n", "cat\ndog\n"))
    found = preview(
        house, PreviewOptions(method=Method.TEXTFILE, train=train, labels=labels, width=8, height=8, count=4)
    )
    assert [(c.name, c.count, c.train, c.val) for c in found.classes] == [("cat", 6, 5, 1), ("dog", 6, 5, 1)]
    assert len(found.pictures) == 4
    assert [bad.file for bad in found.unreadable] == ["a.txt, line 13"]
    job = datasets.create(house, options(Path(train), method="textfile", labels=labels, unreadable_percent=10))
    assert datasets.options_of(house, job.id).train == train
    folder = house.home.job_folder(job.id)
    assert sorted(p.read_text() for p in (folder / "uploads").glob("*/*")) == sorted((lines + "x\n", "cat\ndog\n"))
    task = Task(
        job_id=job.id,
        kind=JobKind.DATASET,
        type="classification",
        nonce="n",
        options=house.store.record(job.id).options,
    )
    shutil.rmtree(house.home.uploads)
    build_dataset.run(task, folder, Quiet())
    facts = datasets.facts(house, job.id)
    assert [s.count for s in facts.splits] == [10, 2]
    with pytest.raises(InputError, match="not there any more"):
        datasets.create(house, options(Path(train), method="textfile", labels=labels))


def test_an_archive_is_shown_checked_and_built_wherever_it_lies(house: House, pictures: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "data" / "pets"), "gztar", pictures)
    path = tmp_path / "data" / "pets.tar.gz"
    with path.open("rb") as content:
        sent = datasets.keep(house, "pets.tgz", content)
    for source in (str(path), sent):
        found = preview(house, PreviewOptions(method=Method.ARCHIVE, train=source, width=8, height=8, count=4))
        assert [(c.name, c.train, c.val) for c in found.classes] == [("cat", 5, 1), ("dog", 5, 1)]
        assert len(found.pictures) == 4
        job = datasets.create(house, options(Path(source), method="archive"))
        assert datasets.options_of(house, job.id).train == source
    assert sorted(p.name for p in house.home.path.iterdir() if p.name.startswith(("check", "example"))) == []
    with pytest.raises(InputError, match="neither a zip nor a tar") as caught:
        datasets.create(house, options(pictures / "cat" / "0.png", method="archive"))
    assert caught.value.problems()[0].field == "train"
    with pytest.raises(OutsideDataRootsError):
        datasets.create(house, options(Path("/etc/x.zip"), method="archive"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("train", "validation"), [8, 8]), (("train", "val", "test"), [8, 8, 8]), (("Training", "testing"), [6, 2, 8])],
)
def test_a_folder_for_each_split_is_known_by_its_names(
    house: House, tmp_path: Path, make_pictures: Callable[..., Path], names: tuple[str, ...], expected: list[int]
) -> None:
    """Hugging Face's layout, as a folder and packed."""
    root = tmp_path / "data" / "hub"
    for name in names:
        make_pictures(root / name, count=4)
    job = datasets.create(house, options(root))
    given = datasets.options_of(house, job.id)
    assert [path for path in (given.train, given.validation, given.test) if path] == [
        str(root / name) for name in names
    ]
    assert [s.count for s in build_classification(given, tmp_path / "one", Quiet()).splits] == expected
    packed = shutil.make_archive(str(root), "zip", root)
    archive = options(Path(packed), method="archive")
    assert [s.count for s in build_classification(archive, tmp_path / "two", Quiet()).splits] == expected
    assert (tmp_path / "two" / "train.txt").read_text().startswith(f"{packed}/{names[0]}/")
    assert (tmp_path / "two" / "train_db" / "data.mdb").read_bytes() == (
        tmp_path / "one" / "train_db" / "data.mdb"
    ).read_bytes()
