"""A dataset's pages, for kinds with boxes and masks: what is drawn is what was planted."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from gradus.data.generic import build_generic
from gradus.plugins.manager import kind
from gradus.services import datasets, kinds

HOSTILE = "<b>cat</b>"


class Quiet:
    def __getattr__(self, _):
        return lambda *_, **__: False


def make(server, name, files, **given):
    """A dataset of a kind, built here and now from files that are written below the data root."""
    root = server.data / name
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            (root / path).write_text(content)
        else:
            Image.fromarray(content).save(root / path)
    paths = {field: str(root / path) for field, path in given.items()}
    options = kinds.model_of(name)(name=HOSTILE, unreadable_percent=20, **paths)
    job = datasets.create(server.house, options)
    asked = datasets.options_of(server.house, job.id)
    build_generic(kind(name), asked, server.house.home.job_folder(job.id), Quiet())
    return job


@pytest.fixture
def boxed(server):
    """Twelve pictures of 60 x 40 with one car each, at known places, and one with no area."""
    made = np.random.default_rng(1)
    files: dict[str, object] = {}
    for i in range(12):
        files[f"images/{i:02}.png"] = made.integers(0, 255, (40, 60, 3)).astype(np.uint8)
        bad = "\nVan 0 0 0 5 5 5 9 0 0 0 0 0 0 0" if i == 3 else ""
        files[f"labels/{i:02}.txt"] = f"Car 0 0 0 {i + 1} 2 {i + 21} 12 0 0 0 0 0 0 0{bad}"
    return make(
        server, "image-object-detection", files, train_image_folder="images", train_label_folder="labels",
    )  # fmt: skip


@pytest.fixture
def masked(server):
    """Ten pictures of 12 x 8, whose left half is of class 1."""
    mask = np.zeros((8, 12), np.uint8)
    mask[:, :6] = 1
    files: dict[str, object] = {"classes.txt": "ground\nsea\n"}
    for i in range(10):
        files[f"images/{i}.png"] = np.full((8, 12, 3), 20 * i, np.uint8)
        files[f"labels/{i}.png"] = mask
    return make(
        server, "image-segmentation", files,
        feature_folder="images", label_folder="labels", class_labels_file="classes.txt",
    )  # fmt: skip


def test_boxes_are_drawn_where_they_are(server, boxed) -> None:
    browser = server.browser()
    page = browser.get(f"/datasets/{boxed.id}/explore").text
    seen = re.findall(r'<rect x="([0-9.]+)" y="([0-9.]+)" width="([0-9.]+)" height="([0-9.]+)"', page)
    total = int(re.search(r"All \((\d+)\)", page)[1])
    assert len(seen) == total
    for left, *others in seen:
        assert float(left) in range(1, 13) and [float(x) for x in others] == [2.0, 20.0, 10.0]
    assert len({left for left, *_ in seen}) == total
    answer = server.program().get(f"/api/v1/datasets/{boxed.id}/samples").json()
    assert all(item["view"]["boxes"][0]["name"] == "car" for item in answer["items"])
    cars = next(i for i, name in enumerate(datasets.facts(server.house, boxed.id).labels) if name == "car")
    assert browser.get(f"/datasets/{boxed.id}/explore?label={cars}").text.count("<rect x=") == total
    assert "No samples of this class here" in browser.get(f"/datasets/{boxed.id}/explore?label={cars + 1}").text


def test_the_overview_tells_what_was_asked_for_and_what_is_wrong(server, boxed) -> None:
    page = server.browser().get(f"/datasets/{boxed.id}").text
    assert HOSTILE not in page and "&lt;b&gt;cat&lt;/b&gt;" in page
    assert "03.png" in page and "in the dataset all the same" in page and "no area" in page
    assert '<dt class="is-long">Training image folder</dt>' in page
    assert "New model from this" not in page
    assert f"/datasets/new/image-object-detection?clone={boxed.id}" in page


def test_masks_are_drawn_in_the_colours_of_their_classes(server, masked) -> None:
    browser = server.browser()
    page = browser.get(f"/datasets/{masked.id}/explore").text
    source = re.search(r'<img class="mask" src="([^"]+)"', page)[1]
    image = Image.open(io.BytesIO(browser.get(source).content)).convert("RGBA")
    assert image.size == (12, 8)
    pixels = np.asarray(image)
    for half in (pixels[:, :6], pixels[:, 6:]):
        assert len({tuple(p) for p in half.reshape(-1, 4)}) == 1
    legend = dict(re.findall(r'fill="(#[0-9a-f]{6})"/></svg>([a-z]+)</a>', page))
    colour = "#{:02x}{:02x}{:02x}".format(*pixels[0, 0, :3])
    assert legend[colour] == "sea"
    assert "sea 50 %" in page


def test_files_are_listed_and_given_and_nothing_else(server, masked) -> None:
    browser = server.browser()
    page = browser.get(f"/datasets/{masked.id}/files").text
    for name in ("dataset.json", "train_db/features/data.mdb", "train_db/mean.binaryproto", "labels.txt"):
        assert name in page
    given = browser.get(f"/datasets/{masked.id}/files/labels.txt")
    assert given.text.splitlines()[:2] == ["ground", "sea"]
    assert given.headers["content-type"] == "application/octet-stream"
    assert browser.get(f"/datasets/{masked.id}/files/..%2f..%2fgradus.db").status_code == 404
    assert browser.get(f"/datasets/{masked.id}/log").status_code == 200


def test_what_is_not_there_is_told(server, masked) -> None:
    program = server.program()
    address = f"/api/v1/datasets/{masked.id}/samples/train"
    assert program.get(f"{address}/0.png").headers["content-type"] == "image/png"
    for wrong in ("99.png", "99/label.png", "-1.png"):
        assert program.get(f"{address}/{wrong}").status_code in (404, 422)
