"""Sample sets: their pictures, labels, boxes and masks, read with other programs' eyes."""

import gzip
import hashlib
import struct
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from gradus.core.errors import ConflictError, InputError, PathError, UnavailableError
from gradus.data.samples import write_sample
from gradus.data.samples.download import client, download
from gradus.data.samples.mnist import FASHION, FILES, MNIST


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    told = []
    folder = tmp_path_factory.mktemp("samples") / "s"
    found = write_sample("shapes", folder, tell=lambda fraction, activity: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1
    return found


def test_shapes_have_labels_boxes_and_masks_that_agree(drawn):
    tmp_path, found = drawn.folder.parent, drawn
    assert (found.train, found.test) == (1200, 240)
    labels = (tmp_path / "s" / "labels.txt").read_text().splitlines()
    classes = sorted(p.name for p in (tmp_path / "s" / "train").iterdir())
    assert labels == [name.replace("_", " ") for name in classes] == found.labels
    for index, name in enumerate(classes, 1):
        for path in sorted((tmp_path / "s" / "test" / name).iterdir()):
            picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            mask = cv2.imread(str(tmp_path / "s" / "test_masks" / name / path.name), cv2.IMREAD_UNCHANGED)
            assert picture.shape == (64, 64, 3) and mask.shape == (64, 64)
            assert set(np.unique(mask)) == {0, index}
            columns = (tmp_path / "s" / "test_boxes" / name / f"{path.stem}.txt").read_text().split()
            assert len(columns) == 15 and columns[0] == name
            left, top, right, bottom = map(float, columns[4:8])
            x, y, width, height = cv2.boundingRect(mask)
            assert (left, top, right, bottom) == (x, y, x + width, y + height)
            gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(float)
            inside, outside = gray[mask > 0].mean(), gray[mask == 0].mean()
            assert abs(inside - outside) > 35  # can be told apart in gray, too


def test_shapes_are_always_the_same(drawn, tmp_path):
    write_sample("shapes", tmp_path / "two")
    one, two = tree(drawn.folder), tree(tmp_path / "two")
    assert {k: v for k, v in one.items() if k != "sample.json"} == {k: v for k, v in two.items() if k != "sample.json"}


def test_a_set_that_is_there_is_found_and_nothing_else_is_touched(drawn, tmp_path):
    before = tree(drawn.folder)
    assert write_sample("shapes", drawn.folder) == drawn
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.png").touch()
    for folder in (tmp_path / "mine", drawn.folder):
        with pytest.raises(ConflictError):
            write_sample("mnist", folder)
    assert tree(drawn.folder) == before
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["photo.png"]


def original(folder: Path, count: int = 30) -> np.ndarray:
    """Four files in MNIST's form."""
    folder.mkdir()
    pixels = np.random.default_rng(5).integers(0, 256, (count, 28, 28), np.uint8)
    labels = np.arange(count, dtype=np.uint8) % 10
    for part in ("train", "t10k"):
        images = struct.pack(">IIII", 2051, count, 28, 28) + pixels.tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels.tobytes())
    return pixels


def test_mnist_from_its_files(tmp_path):
    pixels = original(tmp_path / "from")
    found = write_sample("mnist", tmp_path / "m", tmp_path / "from")
    assert (found.train, found.test, found.width, found.height, found.channels) == (30, 30, 28, 28, 1)
    for i in (0, 7, 29):
        path = tmp_path / "m" / "train" / str(i % 10) / f"{i:05d}.png"
        assert (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == pixels[i]).all()


def test_fashion_names_are_class_folders(tmp_path):
    original(tmp_path / "from")
    found = write_sample("fashion-mnist", tmp_path / "f", tmp_path / "from")
    assert found.labels[0] == "T-shirt top" and found.labels[9] == "Ankle boot"
    assert len(list((tmp_path / "f" / "train" / "Ankle_boot").iterdir())) == 3


def test_missing_and_damaged_files_are_named(tmp_path):
    original(tmp_path / "from")
    (tmp_path / "from" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(PathError, match="t10k-labels"):
        write_sample("mnist", tmp_path / "m", tmp_path / "from")
    (tmp_path / "from" / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, 2) + b"\0\1")
    with pytest.raises(InputError, match="t10k"):
        write_sample("mnist", tmp_path / "m", tmp_path / "from")
    assert [p.name for p in tmp_path.iterdir()] == ["from"]


def test_an_unknown_name_lists_the_valid_ones(tmp_path):
    with pytest.raises(InputError) as caught:
        write_sample("imagenet", tmp_path / "x")
    assert "fashion-mnist" in caught.value.problem.hint


def fetch(answer, size=5, content=b"12345"):
    with client(httpx.MockTransport(answer)) as http:
        return download(http, "https://example.test/file.gz", size, hashlib.sha256(content).hexdigest())


def test_a_download_is_believed_only_by_its_sum():
    assert fetch(lambda request: httpx.Response(200, content=b"12345")) == b"12345"
    for content in (b"12344", b"1234", b"123456", b"x" * 10_000_000):
        with pytest.raises(InputError):
            fetch(lambda request, content=content: httpx.Response(200, content=content))


def test_a_download_that_fails_says_what_to_do():
    def refuse(request):
        raise httpx.ConnectError("no route")

    for answer in (
        refuse,
        lambda request: httpx.Response(404),
        lambda request: httpx.Response(302, headers={"location": "/a"}),
    ):
        with pytest.raises(UnavailableError) as caught:
            fetch(answer)
        assert "--from" in caught.value.problem.hint


@pytest.mark.parametrize("origin", [MNIST, FASHION])
def test_origins_are_complete(origin):
    assert set(origin.files) == set(FILES) and len(origin.labels) == 10
    assert all(len(sha256) == 64 for _, sha256 in origin.files.values())
