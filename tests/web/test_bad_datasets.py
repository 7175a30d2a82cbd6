"""Datasets of bad pictures, lists and folders, from the request to the page, built by real workers."""

from __future__ import annotations

import html
import json
import os
import re
import runpy
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import pytest

from gradus.jobs.executors.local import SpawningExecutor

CORPUS = runpy.run_path(str(Path(__file__).parent.parent / "data" / "corpus"))
MARKUP = re.compile(r'<tr><td class="mono">(.*?)</td><td class="muted">(.*?)</td></tr>', re.DOTALL)


@pytest.fixture
def executor() -> SpawningExecutor:
    """Real workers, each a process started afresh."""
    return SpawningExecutor()


@pytest.fixture
def build(server: Any) -> Callable[..., dict[str, Any]]:
    """Ask for a dataset, wait until its job has ended, and tell of the job."""

    def ask(**options: object) -> dict[str, Any]:
        given = {"name": "odd", "width": 8, "height": 8, "validation_percent": 0, **options}
        answer = server.program().post("/api/v1/datasets", json=given)
        assert answer.status_code == 201, answer.text
        return wait(server, answer.json()["id"])

    return ask


def wait(server: Any, job_id: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        job = server.program().get(f"/api/v1/jobs/{job_id}").json()["job"]
        if job["state"] in ("done", "error", "aborted"):
            return job  # type: ignore[no-any-return]
        assert time.monotonic() < until, job
        time.sleep(0.05)


def draw(folder: Path, label: str, numbers: range, side: int = 8) -> None:
    random = np.random.default_rng(len(label))
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        assert cv2.imwrite(str(folder / label / f"{number}.png"), random.integers(0, 256, (side, side, 3), np.uint8))


def listed(server: Any, job_id: str) -> list[dict[str, Any]]:
    """All rows of the bad list, page by page."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = server.program().get(
            f"/api/v1/datasets/{job_id}/unreadable", params={"limit": 100} | ({"cursor": cursor} if cursor else {})
        ).json()  # fmt: skip
        rows += page["items"]
        cursor = page["next"]
        assert page["total"] >= len(rows)
    return rows


def on_pages(server: Any, job_id: str) -> tuple[str, list[tuple[str, str]]]:
    """The dataset's page, and what stands in its table of bad files, over all pages of that."""
    browser = server.browser()
    first = browser.get(f"/datasets/{job_id}").text
    rows: list[tuple[str, str]] = []
    for number in range(1, 100):
        text = browser.get(f"/datasets/{job_id}", params={"bad": number}).text
        found = [(html.unescape(a), html.unescape(b)) for a, b in MARKUP.findall(text)]
        if rows[-len(found) :] == found:
            break
        rows += found
    return first, rows


def entries(server: Any, job_id: str, split: str = "train") -> int:
    folder = server.house.home.job_folder(job_id) / f"{split}_db"
    with lmdb.open(str(folder), readonly=True, lock=False) as database:
        return int(database.stat()["entries"])


def test_f29_five_percent_of_ten_thousand_are_bad(server: Any, build: Callable[..., dict[str, Any]]) -> None:
    """Counts on the page, in the database and in the list are the same (DIGITS issue 1473)."""
    folder = server.data / "many"
    for label in ("cat", "dog"):
        draw(folder, label, range(5000))
    bad = [CORPUS["BAD"][number % len(CORPUS["BAD"])].make() for number in range(10)] * 50
    for number, data in enumerate(bad):
        (folder / ("cat", "dog")[number % 2] / f"{number * 9}.png").write_bytes(data)
    job = build(train=str(folder), test_percent=10)
    assert job["state"] == "done", job
    facts = server.program().get(f"/api/v1/datasets/{job['id']}").json()["facts"]
    counts = {split["split"]: split["count"] for split in facts["splits"]}
    assert sum(counts.values()) == 9500
    assert {split: entries(server, job["id"], split) for split in counts} == counts
    rows = listed(server, job["id"])
    assert len(rows) == len({row["file"] for row in rows}) == facts["unreadable"] == 500
    page, shown = on_pages(server, job["id"])
    assert sorted(shown) == sorted((row["file"], row["reason"]) for row in rows)
    for count in (f"{counts['train']:,}", f"{counts['test']:,}", "500"):
        assert f">{count}<" in page or f">{count} <" in page
    assert "500 of 10,000 files could not be read" in server.browser().get(f"/datasets/{job['id']}").text or any(
        "500 of 10,000" in line
        for line in (server.house.home.job_folder(job["id"]) / "events.jsonl").read_text().splitlines()
    )


def test_f30_all_are_bad(server: Any, build: Callable[..., dict[str, Any]]) -> None:
    for label in ("cat", "dog"):
        (server.data / "bad" / label).mkdir(parents=True)
        for number in range(50):
            (server.data / "bad" / label / f"{number}.png").write_text("no picture")
    job = build(train=str(server.data / "bad"))
    assert job["state"] == "error"
    assert job["finished"] - job["started"] < 10
    assert "None of the first" in job["problem"]["message"]
    assert "not a picture but text" in job["problem"]["message"]
    assert job["problem"]["hint"]
    page, shown = on_pages(server, job["id"])
    assert "None of the first" in page
    assert shown == []
    assert not list(server.house.home.job_folder(job["id"]).glob("*_db"))


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ({"cat": 3}, "only one sub-folder"),
        ({"cat": 3, "dog": 0}, "Of 2 sub-folders, 1 has at least"),
        ({}, "no sub-folders"),
    ],
)
def test_f30_an_empty_class_or_one_alone_is_told_at_once(server: Any, classes: dict[str, int], told: str) -> None:
    folder = server.data / "few"
    folder.mkdir()
    for label, count in classes.items():
        draw(folder, label, range(count))
    answer = server.program().post("/api/v1/datasets", json={"name": "x", "train": str(folder)})
    assert (answer.status_code, answer.json()["field"]) == (422, "train")
    assert told in answer.json()["detail"]


LINES = {
    2: (b"/etc/passwd 0", "outside the folders"),
    3: (b"../../../../../../../../etc/passwd 1", "outside the folders"),
    4: (b"http://169.254.169.254/ 0", "address"),
    5: (b"x" * 1_000_000 + b" 0", "longer than 8,192 bytes"),
    6: (b"cat/1.png", "not of the form"),
    7: (b"cat/1.png -1", "label -1"),
    8: (b"cat/1.png 99999999999", "label 99999999999"),
    9: (b"cat/1\0.png 0", "NUL"),
    10: (b"cat/none.png 0", "no such file"),
    11: (b"file:///etc/passwd 0", "Nothing is fetched by file"),
    12: (b"<script>alert(1)</script> 0", "no such file"),
}


def test_a06_a_line_of_no_use_is_counted_and_shown_with_its_number(
    server: Any, build: Callable[..., dict[str, Any]]
) -> None:
    """With Windows' line ends and a mark of UTF-8 at the start."""
    folder = server.data / "lists"
    for label in ("cat", "dog"):
        draw(folder, label, range(20))
    good = [f"{label}/{n}.png {c}".encode() for c, label in enumerate(("cat", "dog")) for n in range(20)]
    lines = [good[0], *(line for line, _ in LINES.values()), *good[1:]]
    (folder / "train.txt").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    (folder / "labels.txt").write_bytes(b"cat\r\ndog\r\n")
    asked = {"method": "textfile", "train": str(folder / "train.txt"), "labels": str(folder / "labels.txt")}
    job = build(**asked, unreadable_percent=30)
    assert job["state"] == "done", job
    rows = {row["file"]: row["reason"] for row in listed(server, job["id"])}
    assert rows.keys() == {f"train.txt, line {number}" for number in LINES}
    for number, (_, told) in LINES.items():
        assert told in rows[f"train.txt, line {number}"]
    assert entries(server, job["id"]) == 40
    page, shown = on_pages(server, job["id"])
    assert dict(shown) == rows
    assert f'<span class="count">{len(LINES)}</span>' in page
    assert "<script>alert" not in page
    failed = build(**asked, unreadable_percent=10)
    assert failed["state"] == "error"
    assert "train.txt, line 2: outside the folders" in failed["problem"]["message"]


def test_a06_a_list_in_utf_16_is_told_how_to_save_it(server: Any) -> None:
    draw(server.data / "lists", "cat", range(2))
    (server.data / "lists" / "train.txt").write_text("cat/0.png 0\ncat/1.png 1\n", "utf-16")
    (server.data / "lists" / "labels.txt").write_text("a\nb\n")
    asked = {name: str(server.data / "lists" / f"{name}.txt") for name in ("train", "labels")}
    answer = server.program().post("/api/v1/datasets", json={"name": "x", "method": "textfile", **asked})
    assert (answer.status_code, answer.json()["field"]) == (422, "train")
    assert "UTF-16" in answer.json()["detail"]
    assert "UTF-8" in answer.json()["hint"]


@pytest.mark.parametrize("path", ["a\0b", "/data\0/x", "\ud800"])
def test_a06_a_path_with_a_nul_is_no_path(server: Any, path: str) -> None:
    body = json.dumps({"name": "x", "train": path}).encode()
    answer = server.program().post("/api/v1/datasets", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["field"]) == (422, "train")


@pytest.mark.parametrize("encoding", ["jpg", "png", "raw"])
def test_a32_nothing_of_a_files_metadata_is_kept_or_served(
    server: Any, build: Callable[..., dict[str, Any]], encoding: str
) -> None:
    """The file has the dataset's size already: a JPEG is copied, but bare."""
    data = CORPUS["metadata_jpeg"]()
    assert all(secret in data for secret in CORPUS["SECRETS"])
    for label in ("cat", "dog"):
        (server.data / "meta" / label).mkdir(parents=True)
        for number in range(3):
            (server.data / "meta" / label / f"{number}.jpg").write_bytes(data)
    asked = {"train": str(server.data / "meta"), "width": 32, "height": 16, "encoding": encoding}
    job = build(**asked)
    assert job["state"] == "done", job
    folder = server.house.home.job_folder(job["id"])
    served = {
        f"/api/v1/datasets/{job['id']}/samples/train/0.png": b"\x89PNG",
        f"/api/v1/datasets/{job['id']}/mean.jpg": b"\xff\xd8\xff",
    }
    for address, begin in served.items():
        answer = server.browser().get(address)
        assert answer.content.startswith(begin)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == {"p": "image/png", "j": "image/jpeg"}[address.split(".")[-1][0]]
        assert not any(secret in answer.content for secret in CORPUS["SECRETS"])
    for file in (folder / "train_db" / "data.mdb", folder / "mean.jpg"):
        assert not any(secret in file.read_bytes() for secret in CORPUS["SECRETS"])
    example = server.program().post("/api/v1/datasets/preview", json={**asked, "count": 2}).text
    assert "data:image/png;base64," in example
    for name in ("train_db/data.mdb", "mean.jpg", "unreadable.jsonl", "train.txt"):
        answer = server.browser().get(f"/datasets/{job['id']}/files/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


def test_f32_names_that_break_programs_are_shown_as_text(server: Any, build: Callable[..., dict[str, Any]]) -> None:
    """Half of them are no pictures, so that they stand in the list, on the page and in the answer."""
    for number, name in enumerate(CORPUS["NAMES"]):
        for label in ("a<b>&\"'", "b"):
            (server.data / "names" / label).mkdir(parents=True, exist_ok=True)
            data = b"no picture" if number % 2 else CORPUS["png"](1, 1, 8, 0, bytes((0, number)))
            (server.data / "names" / label / os.fsdecode(name)).write_bytes(data)
    job = build(train=str(server.data / "names"), unreadable_percent=60)
    assert job["state"] == "done", job
    rows = listed(server, job["id"])
    assert len(rows) == 2 * (len(CORPUS["NAMES"]) // 2)
    page, shown = on_pages(server, job["id"])
    assert sorted(name for name, _ in shown) == sorted(row["file"] for row in rows)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f]", page)
    explore = server.browser().get(f"/datasets/{job['id']}/explore")
    assert explore.status_code == 200
    assert "<img src=x onerror" not in explore.text


def test_f33_loops_and_links_end(server: Any, tmp_path: Path, build: Callable[..., dict[str, Any]]) -> None:
    """A loop, a loop over two folders, a chain of links, and links to what is outside the roots."""
    folder = server.data / "links"
    for label in ("cat", "dog"):
        draw(folder, label, range(4))
    draw(tmp_path / "secret", "eel", range(4))
    (folder / "cat" / "loop").symlink_to(".")
    (folder / "cat" / "to-dog").symlink_to("../dog")
    (folder / "dog" / "to-cat").symlink_to("../cat")
    (folder / "all").symlink_to(folder)
    (folder / "eel").symlink_to(tmp_path / "secret" / "eel")
    (folder / "cat" / "eel.png").symlink_to(tmp_path / "secret" / "eel" / "0.png")
    for number in range(60):  # longer than the kernel follows
        (folder / "cat" / f"chain{number}.png").symlink_to(f"chain{number + 1}.png")
    job = build(train=str(folder), minimum_per_class=1)
    assert job["state"] == "done", job
    job_folder = server.house.home.job_folder(job["id"])
    files = {name for split in ("train", "val") for name in (job_folder / f"{split}.txt").read_text().splitlines()}
    assert not any("secret" in line or "eel" in line or "chain" in line for line in files)
    assert "secret" not in (job_folder / "labels.txt").read_text()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount")
def test_f33_a_folder_that_is_mounted_into_itself_ends(server: Any, build: Callable[..., dict[str, Any]]) -> None:
    folder = server.data / "mounted"
    for label in ("cat", "dog"):
        draw(folder, label, range(4))
    (folder / "cat" / "again").mkdir()
    if os.system(f"mount --bind {folder} {folder}/cat/again") != 0:  # noqa: S605 - our own path
        pytest.skip("nothing can be mounted here")
    try:
        job = build(train=str(folder))
        assert job["state"] == "done", job
        listed_files = (server.house.home.job_folder(job["id"]) / "train.txt").read_text().splitlines()
        assert len(listed_files) == 8
    finally:
        os.system(f"umount {folder}/cat/again")  # noqa: S605


def test_f34_a_folder_that_changes_while_it_is_read(server: Any, build: Callable[..., dict[str, Any]]) -> None:
    """Files vanish, appear, grow and change: what is gone is listed; the rest is what the scan found."""
    folder = server.data / "moving"
    for label in ("cat", "dog"):
        draw(folder, label, range(1500), side=32)
    done = threading.Event()

    def disturb() -> None:
        number = 0
        while not done.is_set():
            number += 1
            target = folder / ("cat", "dog")[number % 2]
            (target / f"{number % 1500}.png").unlink(missing_ok=True)
            (target / f"{(number * 7) % 1500}.png").rename(target / f"moved{number}.png") if (
                target / f"{(number * 7) % 1500}.png"
            ).exists() else None
            (target / f"new{number}.png").write_bytes(CORPUS["png"](1, 1, 8, 0, bytes((0, number % 256))))
            with (target / f"{(number * 3 + 1) % 1500}.png").open("ab") as file:
                file.write(b"\0" * 1000)
            time.sleep(0.002)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        job = build(train=str(folder), unreadable_percent=100, width=32, height=32)
    finally:
        done.set()
        thread.join()
    assert job["state"] == "done", job
    facts = server.program().get(f"/api/v1/datasets/{job['id']}").json()["facts"]
    job_folder = server.house.home.job_folder(job["id"])
    scanned = (job_folder / "train.txt").read_text().splitlines()
    assert len(scanned) == len(set(scanned)) == entries(server, job["id"]) + facts["unreadable"]
    rows = listed(server, job["id"])
    assert {row["reason"] for row in rows} <= {
        "the file is no longer there",
        "the file is empty",
        "not a picture of a known format",
    }
    names = {line.rsplit(" ", 1)[0].removeprefix(f"{folder}/") for line in scanned}
    assert {row["file"] for row in rows} <= names
