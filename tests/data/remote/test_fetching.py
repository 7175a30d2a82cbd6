"""Datasets built from web servers, lists of addresses and buckets are those of the same pictures in a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.credentials import Credentials
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.build import build_classification
from gradus.data.building import Stopped
from gradus.data.remote import secrets


def serve(site, folder: Path, path: str = "/") -> None:
    """Put a folder on the site, with an index page for each of its folders."""
    links = []
    for each in sorted(folder.iterdir()):
        name = quote(each.name) + ("/" if each.is_dir() else "")
        links.append(f'<a href="{name}">{name}</a>')
        if each.is_dir():
            serve(site, each, f"{path}{name}")
        else:
            site.pages[path + name] = each.read_bytes()
    site.pages[path] = "\n".join(links)


def databases(folder: Path) -> dict[str, str]:
    found = {name: folder / name for name in ("train_db/data.mdb", "val_db/data.mdb", "labels.txt", "mean.binaryproto")}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def asked(train: str, **given: object) -> ClassificationOptions:
    values = {"name": "test", "train": train, "width": 12, "height": 9, "hosts": None} | given
    return ClassificationOptions.model_validate(values)


@pytest.fixture
def here(site) -> str:
    return f"http://127.0.0.1:{site.port}/"


def test_a_web_folder_is_built_like_the_folder_itself(pictures, memory, site, here: str, tmp_path: Path) -> None:
    folder = pictures(("cat", "guinea pig"), 12)
    serve(site, folder)
    limits = {"maximum_per_class": 9}
    build_classification(asked(str(folder), **limits), tmp_path / "a", memory())
    report = memory()
    facts = build_classification(asked(here, **limits), tmp_path / "b", report)
    assert databases(tmp_path / "a") == databases(tmp_path / "b")
    assert facts.labels == ["cat", "guinea pig"]
    assert sum(path.endswith(".png") for path in site.asked) == 18  # only what is used is fetched
    lines = (tmp_path / "b" / "train.txt").read_text().splitlines()
    assert all(line.startswith(here) for line in lines)
    assert any("fetching pictures: 18 of 18" in activity for _, activity, _ in report.told)
    shares = [fraction for fraction, _, _ in report.told]
    assert shares == sorted(shares)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == sorted(
        path.name for path in (tmp_path / "a").iterdir()
    )  # nothing that was fetched is left


def test_a_web_folder_with_splits_and_one_of_its_own_for_testing(pictures, memory, site, here, tmp_path: Path) -> None:
    pictures(root="web/set/train", count=12)
    pictures(root="web/set/val")
    pictures(root="web/more", count=3)
    serve(site, tmp_path / "web")
    facts = build_classification(asked(f"{here}set/"), tmp_path / "a", memory())
    assert [(s.split, s.count) for s in facts.splits] == [(Split.TRAIN, 24), (Split.VAL, 20)]
    assert (tmp_path / "a" / "val.txt").read_text().startswith(f"{here}set/val/cat/")
    facts = build_classification(asked(f"{here}set/train/", test=f"{here}more/"), tmp_path / "b", memory())
    assert {s.split: s.count for s in facts.splits} == {Split.TRAIN: 18, Split.VAL: 6, Split.TEST: 6}
    local = asked(f"{here}set/train/", validation=str(tmp_path / "web" / "more"))
    facts = build_classification(local, tmp_path / "c", memory())
    assert {s.split: s.count for s in facts.splits} == {Split.TRAIN: 24, Split.VAL: 6}


def test_what_cannot_be_fetched_is_listed_with_its_reason(pictures, memory, site, here: str, tmp_path: Path) -> None:
    serve(site, pictures(count=50))
    site.pages["/cat/007.png"] = (403, {}, b"")
    site.pages["/dog/008.png"] = b"<html>not here</html>"
    facts = build_classification(asked(here, validation_percent=0), tmp_path / "job", memory())
    assert facts.unreadable == 2
    assert facts.splits[0].count == 98
    bad = [json.loads(line) for line in (tmp_path / "job" / "unreadable.jsonl").read_text().splitlines()]
    assert bad[0]["file"] == f"{here}cat/007.png"
    assert "(403)" in bad[0]["reason"]
    assert bad[1]["file"] == "dog/008.png"


def test_too_much_that_cannot_be_fetched_ends_it_early(pictures, memory, site, here: str, tmp_path: Path) -> None:
    serve(site, pictures(count=200))
    for path in list(site.pages):
        if path.endswith(".png"):
            del site.pages[path]
    with pytest.raises(InputError, match=r"no such thing \(404\)") as error:
        build_classification(asked(here), tmp_path / "job", memory())
    assert error.value.problem.field == "train"
    assert sum(path.endswith(".png") for path in site.asked) < 200
    assert not (tmp_path / "job" / "train_db").exists()
    assert not list((tmp_path / "job").glob(".building-*"))


def test_it_stops_while_it_fetches(pictures, memory, site, here: str, tmp_path: Path) -> None:
    serve(site, pictures(count=100))

    class Stop(memory):
        def stopping(self) -> bool:
            return any(path.endswith(".png") for path in site.asked)

    with pytest.raises(Stopped):
        build_classification(asked(here), tmp_path / "job", Stop())
    assert not list((tmp_path / "job").glob(".building-*"))
    assert sum(path.endswith(".png") for path in site.asked) < 100


def test_it_stops_while_a_server_does_not_answer(memory, listener, tmp_path: Path) -> None:
    heard = listener(lambda taken: taken.recv(1))

    class Stop(memory):
        def stopping(self) -> bool:
            return bool(heard.requests)

    given = {"method": "s3", "s3_bucket": "pets", "s3_endpoint": f"http://127.0.0.1:{heard.port}"}
    for options in (asked(f"http://127.0.0.1:{heard.port}/"), asked("", **given)):
        heard.requests.clear()
        with pytest.raises(Stopped):
            build_classification(options, tmp_path / "job", Stop())


def test_names_as_long_as_a_disk_takes_them(pictures, memory, site, here: str, tmp_path: Path) -> None:
    folder = pictures(count=4)
    (folder / "cat" / "000.png").rename(folder / "cat" / ("x" * 251 + ".png"))
    serve(site, folder)
    facts = build_classification(asked(here), tmp_path / "job", memory())
    assert facts.unreadable == 0
    assert sum(split.count for split in facts.splits) == 8


def test_copies_are_kept_where_that_is_wanted(pictures, memory, site, here: str, tmp_path: Path) -> None:
    folder = pictures(count=6)
    serve(site, folder)
    build_classification(asked(here, keep_copies=True, maximum_per_class=4), tmp_path / "job", memory())
    kept = list((tmp_path / "job" / "pictures").rglob("*.png"))
    assert len(kept) == 8
    for each in kept:
        original = folder / each.relative_to(tmp_path / "job" / "pictures" / "train")
        assert each.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("method", ["textfile", "manifest"])
def test_lists_and_tables_may_name_addresses(method: str, pictures, memory, site, here, tmp_path: Path) -> None:
    """As DIGITS allowed it; the same pictures in the same order give the same database."""
    folder = pictures(("cat", "dog", "empty"), 6)
    serve(site, folder)
    names = [f"{c}/{i:03d}.png" for i in range(6) for c in ("cat", "dog")]
    labels = {"cat": 0, "dog": 1}
    (tmp_path / "labels.txt").write_text("cat\ndog\n")

    def build(name: str, start: list[str]) -> Path:
        rows = [(f"{start[i % len(start)]}{each}", each.partition("/")[0]) for i, each in enumerate(names)]
        if method == "textfile":
            rows = [(path, str(labels[label])) for path, label in rows]
        text = "\n".join(" ".join(row) if method == "textfile" else ",".join(row) for row in rows)
        (tmp_path / name).write_text(("" if method == "textfile" else "path,label\n") + text)
        more = {"labels": str(tmp_path / "labels.txt")} if method == "textfile" else {}
        options = asked(str(tmp_path / name), method=method, **more)
        build_classification(options, tmp_path / f"job {name}", memory())
        return tmp_path / f"job {name}"

    plain = build("plain.txt", [f"{folder}/"])
    mixed = build("mixed.txt", [f"{folder}/", here])
    assert databases(plain) == databases(mixed)
    assert f"{here}dog/000.png 1" in (mixed / "train.txt").read_text() + (mixed / "val.txt").read_text()


def test_a_listed_address_that_fails_is_named_as_it_was_listed(pictures, memory, site, here, tmp_path: Path) -> None:
    folder = pictures(count=30)
    serve(site, folder)
    site.pages["/cat/001.png"] = b"no picture"
    lines = [f"{here}{c}/{i:03d}.png {n}" for n, c in enumerate(("cat", "dog")) for i in range(30)]
    (tmp_path / "list.txt").write_text("\n".join([*lines, f"{here}gone.png 0", "ftp://a.test/1.png 0"]))
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    options = asked(str(tmp_path / "list.txt"), method="textfile", labels=str(tmp_path / "labels.txt"))
    build_classification(options, tmp_path / "job", memory())
    bad = [json.loads(line) for line in (tmp_path / "job" / "unreadable.jsonl").read_text().splitlines()]
    assert {each["file"] for each in bad} == {"list.txt, line 62", f"{here}gone.png", f"{here}cat/001.png"}


def test_a06_addresses_in_lists_are_judged_like_all_others(pictures, memory, site, listener, tmp_path: Path) -> None:
    heard = listener()
    folder = pictures()
    lines = [f"{folder}/{c}/{i:03d}.png {n}" for n, c in enumerate(("cat", "dog")) for i in range(10)]
    wrong = ["http://169.254.169.254/ 0", f"http://127.0.0.1:{heard.port}/1.png 0", "http://localhost/1.png 1"]
    (tmp_path / "list.txt").write_text("\n".join([*lines, *wrong]))
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    options = asked(
        str(tmp_path / "list.txt"), method="textfile", labels=str(tmp_path / "labels.txt"), hosts=[],
        roots=[str(tmp_path)], unreadable_percent=50,
    )  # fmt: skip
    build_classification(options, tmp_path / "job", memory())
    bad = [json.loads(line) for line in (tmp_path / "job" / "unreadable.jsonl").read_text().splitlines()]
    assert [each["file"] for each in bad] == [f"list.txt, line {n}" for n in (21, 22, 23)]
    assert all("Nothing is fetched from there" in each["reason"] for each in bad)
    assert heard.connections == 0


def test_a_bucket_is_built_like_a_folder(pictures, memory, store: str, bucket_of_pets, tmp_path: Path) -> None:
    folder = pictures(("cat", "guinea pig"), 12)
    for each in folder.rglob("*.png"):
        bucket_of_pets.put_object(Bucket="pets", Key=f"set/{each.relative_to(folder)}", Body=each.read_bytes())
    keys = Credentials.model_validate({"access_key": "AKIAEXAMPLE", "secret_key": "very-secret-key"})
    reference = secrets.keep(tmp_path / "secrets", keys)
    kept = secrets.find([tmp_path / "secrets"], reference)
    wanted = asked("", method="s3", s3_endpoint=store, s3_bucket="pets", s3_path="set", s3_credentials=reference)
    options = wanted.model_copy(update={"s3_credentials": str(kept)})
    build_classification(asked(str(folder)), tmp_path / "a", memory())
    build_classification(options, tmp_path / "b", memory())
    assert databases(tmp_path / "a") == databases(tmp_path / "b")
    assert "s3://pets/set/guinea pig/000.png" in "".join(p.read_text() for p in (tmp_path / "b").glob("*.txt"))
