"""Datasets from the web and from S3, as services see them: checked, kept apart, previewed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.credentials import Credentials
from gradus.core.errors import AddressError, InputError
from gradus.core.job import JobKind
from gradus.data.remote import secrets as kept_secrets
from gradus.jobs.task import Task
from gradus.jobs.tasks import build_dataset
from gradus.services import datasets, jobs, secrets
from gradus.services.house import House
from gradus.services.preview import PreviewOptions, preview
from gradus.services.settings import Settings, load_settings

SECRET = "wJalrXUtnFEMIsecretK7MDENGbPxRfiCYEXAMPLE"
KEYS = Credentials(access_key="AKIAIOSFODNN7EXAMPLE", secret_key=SECRET)


def serve(site: Any, folder: Path, path: str = "/") -> None:
    names = [f"{each.name}/" if each.is_dir() else each.name for each in sorted(folder.iterdir())]
    site.pages[path] = "".join(f'<a href="{name}">{name}</a>' for name in names)
    for each in folder.iterdir():
        if each.is_dir():
            serve(site, each, f"{path}{each.name}/")
        else:
            site.pages[path + each.name] = each.read_bytes()


def asked(train: str = "", kind: type[ClassificationOptions] = ClassificationOptions, **more: object) -> Any:
    return kind.model_validate({"name": "pets", "train": train, "width": 8, "height": 8, **more})


def in_store(store: str, reference: str = "", **more: object) -> Any:
    return asked(
        method="s3", s3_endpoint=store, s3_bucket="pets", s3_path="set", s3_credentials=reference, **more
    )  # fmt: skip


@pytest.fixture
def web(site: Any, make_pictures: Callable[..., Path], tmp_path: Path) -> str:
    serve(site, make_pictures(tmp_path / "web"))
    return f"http://127.0.0.1:{site.port}/"


@pytest.fixture
def filled(bucket_of_pets: Any, make_pictures: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "web")
    for each in folder.rglob("*.png"):
        key = f"set/{each.relative_to(folder)}"
        bucket_of_pets.put_object(Bucket="pets", Key=key, Body=each.read_bytes())


@pytest.fixture
def open_house(settings: Settings, host: Any, executor: Any, site: Any, store: str) -> Iterator[House]:
    """A house whose operator allows the site and the store of the tests."""
    hosts = [f"127.0.0.1:{site.port}", store.removeprefix("http://")]
    with House(settings.model_copy(update={"fetch_hosts": hosts}), host=host, executor=executor).open() as opened:
        yield opened


def build(house: House, job_id: str) -> None:
    record, folder = house.store.record(job_id), house.home.job_folder(job_id)
    task = Task(job_id=job_id, kind=JobKind.DATASET, type="classification", options=record.options, nonce="n")

    class Quiet:
        def __getattr__(self, name: str) -> Callable[..., bool]:
            return lambda *_: False

    build_dataset.run(task, folder, Quiet())  # type: ignore[arg-type]


def holding(folder: Path, text: str) -> list[str]:
    """The files below a folder in which a text stands."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if text.encode() in path.read_bytes()]


def test_a_web_folder_is_asked_for_in_place_of_a_folder(open_house: House, web: str) -> None:
    job = datasets.create(open_house, asked(web))
    options = open_house.store.record(job.id).options
    assert options["train"] == web
    assert options["hosts"] == open_house.settings.fetch_hosts
    build(open_house, job.id)
    assert datasets.facts(open_house, job.id).labels == ["cat", "dog"]


def test_who_is_restricted_fetches_only_what_is_public_or_allowed(house: House, web: str, site: Any) -> None:
    for options in (asked(web), asked(web, hosts=None), in_store(web), asked(web, PreviewOptions)):
        with pytest.raises(AddressError) as error:
            if isinstance(options, PreviewOptions):
                preview(house, options)
            else:
                datasets.create(house, options)
        assert error.value.status == 422
        assert error.value.problem.field in ("train", "s3_endpoint")
    assert site.asked == []
    job = datasets.create(house, asked(web, hosts=[]), unrestricted=True)
    assert house.store.record(job.id).options["hosts"] is None


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({}, "no such thing"),
        ({"/": '<a href="cat/">cat/</a>'}, "only one, “cat”"),
        ({"/": "<p>Hello</p>"}, "there is none"),
        ({"/": (302, {"Location": "http://169.254.169.254/"}, b"")}, "not a public address"),
    ],
)
def test_an_address_that_is_no_dataset_is_told_at_once(
    open_house: House, site: Any, pages: dict[str, Any], words: str
) -> None:
    site.pages |= pages
    with pytest.raises(InputError, match=words) as error:
        datasets.check(open_house, asked(f"http://127.0.0.1:{site.port}/"))
    assert error.value.problem.field == "train"


@pytest.mark.parametrize("text", ["http://user:pass@pictures.test/", "http://a b/", "http://" + "a" * 4000 + ".test/"])
def test_an_address_that_is_none_names_its_field(house: House, text: str) -> None:
    with pytest.raises(InputError) as error:
        datasets.check(house, asked(text))
    assert error.value.problem.field == "train"


def test_an_example_is_fetched_and_no_more(open_house: House, web: str, site: Any) -> None:
    found = preview(open_house, asked(web, PreviewOptions, count=4, validation_percent=50))
    assert [(c.name, c.count, c.train, c.val) for c in found.classes] == [("cat", 6, 3, 3), ("dog", 6, 3, 3)]
    assert len(found.pictures) == 4
    assert sum(path.endswith(".png") for path in site.asked) == 4
    assert not list(open_house.home.path.glob("example-*"))


def test_an_example_of_a_list_with_addresses(open_house: House, web: str, site: Any, settings: Settings) -> None:
    folder = settings.data_roots[0]
    (folder / "list.txt").write_text(
        "".join(f"{web}{c}/{i}.png {n}\n" for n, c in enumerate(("cat", "dog")) for i in range(6))
    )
    (folder / "labels.txt").write_text("cat\ndog\n")
    given = {"method": "textfile", "labels": str(folder / "labels.txt")}
    found = preview(open_house, asked(str(folder / "list.txt"), PreviewOptions, count=3, **given))
    assert len(found.pictures) == 3
    assert all(shown.file.startswith(web) for shown in found.pictures)
    assert len(site.asked) == 3


def test_keys_are_in_a_file_of_their_own_until_the_dataset_is_built(
    open_house: House, store: str, filled: None, capfd: pytest.CaptureFixture[str]
) -> None:
    home = open_house.home.path
    reference = secrets.keep(open_house, KEYS)
    datasets.check(open_house, in_store(store, reference))
    shown = preview(open_house, in_store(store, reference, kind=PreviewOptions, count=4))
    assert [c.name for c in shown.classes] == ["cat", "dog"]
    assert len(shown.pictures) == 4
    job = datasets.create(open_house, in_store(store, reference))
    held = holding(home, SECRET)
    assert held and all("/secrets/" in path for path in held)
    assert all(stat.S_IMODE(Path(path).stat().st_mode) == 0o600 for path in held)
    assert all(stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700 for path in held)
    assert SECRET not in str(open_house.store.record(job.id)) + datasets.view(open_house, job.id).model_dump_json()
    build(open_house, job.id)
    assert datasets.facts(open_house, job.id).labels == ["cat", "dog"]
    assert holding(home, SECRET) == []
    assert holding(home, KEYS.access_key) == []
    assert SECRET not in "".join(capfd.readouterr())


def test_keys_of_a_failed_job_wait_for_it_to_be_resumed_and_go_with_it(
    open_house: House, store: str, filled: None, bucket_of_pets: Any, tmp_path: Path
) -> None:
    reference = secrets.keep(open_house, KEYS)
    job = datasets.create(open_house, in_store(store, reference))
    for each in bucket_of_pets.list_objects_v2(Bucket="pets")["Contents"]:
        bucket_of_pets.put_object(Bucket="pets", Key=each["Key"], Body=b"no picture")
    with pytest.raises(InputError):
        build(open_house, job.id)
    held = holding(open_house.home.path, SECRET)
    assert len(held) == 2
    assert all("/secrets/" in path for path in held)
    other = datasets.create(open_house, in_store(store, reference))
    jobs.delete(open_house, other.id)
    assert len(holding(open_house.home.path, SECRET)) == 2
    for each in (tmp_path / "web").rglob("*.png"):
        key = f"set/{each.relative_to(tmp_path / 'web')}"
        bucket_of_pets.put_object(Bucket="pets", Key=key, Body=each.read_bytes())
    build(open_house, job.id)
    assert holding(open_house.home.path, SECRET) == []


def test_keys_that_are_sent_twice_are_kept_once(open_house: House) -> None:
    """An example is asked for with them, and then the dataset."""
    assert secrets.keep(open_house, KEYS) == secrets.keep(open_house, KEYS)
    assert secrets.keep(open_house, KEYS.model_copy(update={"secret_key": "other"})) != secrets.keep(open_house, KEYS)
    assert len(holding(open_house.home.path, SECRET)) == 1


def test_what_was_sent_and_not_used_is_removed_after_an_hour(
    open_house: House, make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    secrets.keep(open_house, KEYS)
    (only,) = (open_house.home.path / "secrets").iterdir()
    then = time.time() - 3600 - 60
    os.utime(only, (then, then))
    secrets.keep(open_house, KEYS.model_copy(update={"secret_key": "other"}))
    assert not only.exists()
    (other,) = (open_house.home.path / "secrets").iterdir()
    os.utime(other, (then, then))
    datasets.create(open_house, asked(str(make_pictures(tmp_path / "data" / "pets"))))
    assert not other.exists()


@pytest.mark.parametrize("reference", ["secret:" + "0" * 32])
def test_keys_that_are_not_there(open_house: House, store: str, reference: str) -> None:
    with pytest.raises(InputError, match="not there any more") as error:
        datasets.check(open_house, in_store(store, reference))
    assert error.value.problem.field == "s3_credentials"


@pytest.mark.parametrize(
    "reference", ["/etc/passwd", "secret:../../../../etc/passwd", "x secret:" + "0" * 32, "secret:" + "0" * 32 + "\n/x"]
)
def test_only_references_name_keys(store: str, reference: str) -> None:
    with pytest.raises(ValueError, match="s3_credentials"):
        in_store(store, reference)


def test_a_bucket_that_is_not_there_is_told_at_once(open_house: House, store: str) -> None:
    options = in_store(store, secrets.keep(open_house, KEYS)).model_copy(update={"s3_bucket": "nowhere"})
    with pytest.raises(InputError, match="no such bucket") as error:
        datasets.check(open_house, options)
    assert error.value.problem.field == "s3_bucket"


def test_a_bucket_is_named_by_its_fields_or_by_one_address() -> None:
    one = asked("s3://pets/set/one", method="s3")
    other = asked(method="s3", s3_bucket="pets", s3_path="set/one")
    assert one == other
    assert one.train == "s3://pets/set/one"
    with pytest.raises(ValueError, match="Bucket must not be empty"):
        asked(method="s3")


def test_hosts_are_allowed_by_the_operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADUS_FETCH_HOSTS", "Lab.example:8080, 10.0.0.7")
    assert load_settings(home=tmp_path).fetch_hosts == ["lab.example:8080", "10.0.0.7"]
    assert load_settings(home=tmp_path, fetch_hosts=["nas"]).fetch_hosts == ["nas"]
    with pytest.raises(InputError, match="HOST:PORT") as error:
        load_settings(home=tmp_path, fetch_hosts=["http://nas/"])
    assert "fetch" in str(error.value)


def test_a_reference_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "other").write_text("{}")
    for text in ("secret:../other", "other", "secret:", ""):
        with pytest.raises(InputError):
            kept_secrets.find([tmp_path / "secrets"], text)
