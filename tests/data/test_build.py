"""Whole builds, read back with lmdb, OpenCV, Pillow and protobuf instead of our own readers."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import Encoding, Split
from gradus.core.errors import InputError, NotFoundError, StorageFullError
from gradus.data.build import build_classification
from gradus.data.building import Stopped
from gradus.data.facts import read_facts
from gradus.data.index import open_indexes
from gradus.data.lists import read_entries


def records(folder: Path) -> list[tuple[bytes, bytes]]:
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return [(bytes(key), bytes(value)) for key, value in transaction.cursor()]


def fingerprint(folder: Path) -> str:
    found = hashlib.sha256()
    for split in ("train", "val", "test"):
        if (folder / f"{split}_db").exists():
            for key, value in records(folder / f"{split}_db"):
                found.update(key + value)
        found.update((folder / f"{split}.txt").read_bytes())
    found.update((folder / "mean.binaryproto").read_bytes())
    return found.hexdigest()


def test_the_files_of_a_dataset_are_digits(pictures, options, memory, tmp_path):
    root, out, report = pictures(("a_cat", "dog", "emu")), tmp_path / "job", memory()
    facts = build_classification(options(root, validation_percent=20, test_percent=10), out, report)
    assert {path.name for path in out.iterdir()} == {
        "train.txt", "val.txt", "test.txt", "labels.txt", "train_db", "val_db", "test_db",
        "mean.binaryproto", "mean.jpg", "dataset.json", "unreadable.jsonl", "quality.json", "index",
    }  # fmt: skip
    assert (out / "labels.txt").read_text() == "a cat\ndog\nemu\n"
    assert {s.split: s.count for s in facts.splits} == {"train": 21, "val": 6, "test": 3}
    assert all(s.class_counts == [s.count // 3] * 3 for s in facts.splits)
    lists = [list(read_entries((out / f"{split}.txt").read_text())) for split in Split]
    assert sorted(path for part in lists for path, _ in part) == sorted(str(p) for p in root.rglob("*.png"))
    assert all(Path(path).parent.name == ["a_cat", "dog", "emu"][label] for part in lists for path, label in part)
    assert read_facts(out) == facts
    assert report.counted == {"train": [7] * 3, "val": [2] * 3, "test": [1] * 3}
    fractions = [fraction for fraction, _, _ in report.told]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert any(activity == "building train: 21 of 21" for _, activity, _ in report.told)


@pytest.mark.parametrize("encoding", [Encoding.PNG, Encoding.JPG, Encoding.RAW])
@pytest.mark.parametrize("channels", [1, 3])
def test_records_are_datums_that_caffe_reads(pictures, options, memory, tmp_path, caffe, encoding, channels):
    root, out = pictures(count=6, size=(31, 22)), tmp_path / "job"
    build_classification(options(root, encoding=encoding, channels=channels, width=20, height=10), out, memory())
    found = records(out / "train_db")
    sums = np.zeros((10, 20, channels))
    for index, (key, value) in enumerate(found):
        datum = caffe.Datum.FromString(value)
        assert key == b"%08d_%d" % (index, datum.label)
        assert (datum.channels, datum.height, datum.width) == (channels, 10, 20)
        assert datum.encoded == (encoding is not Encoding.RAW)
        if datum.encoded:
            image = Image.open(io.BytesIO(datum.data))
            assert image.format == {"png": "PNG", "jpg": "JPEG"}[encoding]
            sums += np.asarray(image).reshape(10, 20, channels)[..., ::-1]
        else:
            sums += np.frombuffer(datum.data, np.uint8).reshape(channels, 10, 20).transpose(1, 2, 0)
    blob = caffe.BlobProto.FromString((out / "mean.binaryproto").read_bytes())
    mean = np.array(blob.data).reshape(channels, 10, 20).transpose(1, 2, 0)
    slack = 12 if encoding is Encoding.JPG else 1e-4  # the mean is of the pixels before JPEG, here of noise
    assert np.abs(mean - sums / len(found)).mean() < slack
    assert cv2.imread(str(out / "mean.jpg"), cv2.IMREAD_UNCHANGED).shape[:2] == (10, 20)


def test_pixels_are_the_sources_where_size_fits(pictures, options, memory, tmp_path, caffe):
    root, out = pictures(count=8), tmp_path / "job"
    build_classification(options(root), out, memory())
    sources = {p.read_bytes() for p in root.rglob("*.png")}
    stored = {caffe.Datum.FromString(value).data for _, value in records(out / "train_db")}
    assert stored < sources  # already a plain PNG of the right size: copied, not made again


def test_what_is_not_plain_is_made_again(pictures, options, memory, tmp_path, caffe):
    root, out = pictures(count=4), tmp_path / "job"
    for path in root.rglob("*.png"):
        image = Image.open(path)
        exif = Image.Exif()
        exif[0x0112] = 3
        image.save(path, exif=exif)
    build_classification(options(root), out, memory())
    upright = {np.rot90(np.asarray(Image.open(p)), 2).tobytes() for p in root.rglob("*.png")}
    for _, value in records(out / "train_db"):
        data = caffe.Datum.FromString(value).data
        assert b"eXIf" not in data
        assert np.asarray(Image.open(io.BytesIO(data))).tobytes() in upright


def test_same_seed_same_database_other_seed_another(pictures, options, memory, tmp_path):
    root = pictures(count=30)
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        build_classification(options(root, seed=seed), tmp_path / name, memory())
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two") != fingerprint(tmp_path / "three")
    first = (tmp_path / "one" / "train_db" / "data.mdb").read_bytes()
    assert first == (tmp_path / "two" / "train_db" / "data.mdb").read_bytes()


def test_training_records_are_shuffled(pictures, options, memory, tmp_path):
    build_classification(options(pictures(count=40)), tmp_path / "job", memory())
    labels = [int(key[9:]) for key, _ in records(tmp_path / "job" / "train_db")]
    assert 10 < sum(a != b for a, b in pairwise(labels)) < 50


def test_building_again_replaces_everything(pictures, options, memory, tmp_path):
    root, out = pictures(), tmp_path / "job"
    build_classification(options(root, test_percent=20), out, memory())
    build_classification(options(root), out, memory())
    assert not (out / "test_db").exists()
    build_classification(options(root), tmp_path / "fresh", memory())
    assert fingerprint(out) == fingerprint(tmp_path / "fresh")


def test_unreadable_files_are_listed_and_the_rest_goes_on(pictures, options, memory, tmp_path):
    root, out, report = pictures(count=50), tmp_path / "job", memory()
    (root / "cat" / "003.png").write_bytes(b"")
    (root / "dog" / "007.png").write_bytes(b"GIF89a")
    facts = build_classification(options(root), out, report)
    rows = [json.loads(line) for line in (out / "unreadable.jsonl").read_text().splitlines()]
    assert {row["file"]: row["reason"] for row in rows} == {
        "cat/003.png": "the file is empty",
        "dog/007.png": "format not allowed: GIF",
    }
    assert facts.unreadable == 2
    assert sum(s.count for s in facts.splits) == 98 == sum(len(records(out / f"{s.split}_db")) for s in facts.splits)
    assert any("2 of 100" in warning for warning in report.warnings)


def test_too_many_unreadable_files_fail_with_examples(pictures, options, memory, tmp_path):
    root, out = pictures(count=50), tmp_path / "job"
    for i in range(6):
        (root / "cat" / f"{i:03d}.png").write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty") as caught:
        build_classification(options(root), out, memory())
    assert caught.value.problem.field == "train"
    assert not (out / "dataset.json").exists() and not list(out.glob("*_db"))
    build_classification(options(root, unreadable_percent=6), out, memory())


@pytest.mark.parametrize("percent", [5, 100])
def test_nothing_readable_fails(pictures, options, memory, tmp_path, percent):
    root = pictures(count=50)
    for path in root.rglob("*.png"):
        path.write_text("text")
    with pytest.raises(InputError, match="None of the"):
        build_classification(options(root, unreadable_percent=percent), tmp_path / "job", memory())


def test_nothing_left_to_train_on_fails(pictures, options, memory, tmp_path):
    with pytest.raises(InputError) as caught:
        build_classification(options(pictures(), validation_percent=100), tmp_path / "job", memory())
    assert caught.value.problem.field == "validation_percent"


@pytest.mark.parametrize("looks", [0, 1, 5])
def test_stopping_leaves_no_database(pictures, options, memory, tmp_path, looks):
    root, out = pictures(count=150), tmp_path / "job"
    with pytest.raises(Stopped):
        build_classification(options(root), out, memory(stop_after=looks))
    assert not list(out.glob("*_db")) and not list(out.glob(".building-*"))
    with pytest.raises(NotFoundError):
        read_facts(out)


def test_files_that_vanish_are_listed(pictures, options, memory, tmp_path):
    root, out = pictures(count=60), tmp_path / "job"

    class Thief(memory):
        def progress(self, fraction, activity, rate=None):
            super().progress(fraction, activity, rate)
            (root / "dog" / "000.png").unlink(missing_ok=True)

        def stopping(self):
            for name in ("000.png", "001.png"):
                (root / "dog" / name).unlink(missing_ok=True)
            return False

    facts = build_classification(options(root), out, Thief())
    reasons = [json.loads(line)["reason"] for line in (out / "unreadable.jsonl").read_text().splitlines()]
    assert facts.unreadable == len(reasons) <= 2
    assert all("no longer there" in reason for reason in reasons)


CHILD = """
import sys
from pathlib import Path
from gradus.core.classification import ClassificationOptions
from gradus.data.build import build_classification
from gradus.core.errors import StorageFullError
class Quiet:
    def progress(self, *a): pass
    def counts(self, *a): pass
    def warning(self, *a): pass
    def stopping(self): return False
options = ClassificationOptions(name="x", train=sys.argv[1], width=64, height=64, encoding="raw")
try:
    build_classification(options, Path(sys.argv[2]), Quiet())
except StorageFullError as error:
    sys.stdout.write(str(error))
    sys.exit(7)
"""


def test_a_killed_build_leaves_nothing_that_counts_and_the_next_is_identical(pictures, options, memory, tmp_path):
    root, out = pictures(count=600, size=(40, 40)), tmp_path / "job"
    asked = options(root, width=64, height=64, encoding="raw")
    build_classification(asked, tmp_path / "whole", memory())
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(root), str(out)])
    until = time.monotonic() + 30
    while not list(out.glob(".building-*/train_db/data.mdb")) and child.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (out / "dataset.json").exists() and not list(out.glob("*_db"))
    build_classification(asked, out, memory())
    assert not list(out.glob(".building-*"))
    assert fingerprint(out) == fingerprint(tmp_path / "whole")


@contextmanager
def small_disk(folder: Path, mebibytes: int):
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
def test_a_full_disk_is_said_and_leaves_no_half_database(pictures, options, memory, tmp_path):
    root = pictures(count=200)
    with small_disk(tmp_path / "disk", 2) as disk:
        with pytest.raises(StorageFullError) as caught:
            build_classification(options(root, width=64, height=64, encoding="raw"), disk / "job", memory())
        assert "free at" in str(caught.value) and caught.value.problem.hint
        assert not list((disk / "job").glob("*_db")) and not list((disk / "job").glob(".building-*"))


def test_a_file_size_limit_is_said_too(pictures, tmp_path):
    root = pictures(count=200)
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n" + CHILD
    done = subprocess.run(
        [sys.executable, "-c", limited, str(root), str(tmp_path / "job")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    assert "No room to write" in done.stdout
    assert not list((tmp_path / "job").glob("*_db"))


def test_what_was_read_is_in_the_index_in_the_order_of_the_database(pictures, options, memory, tmp_path):
    root, out = pictures(count=40, size=(31, 22)), tmp_path / "job"
    build_classification(options(root, validation_percent=30), out, memory())
    for split, index in open_indexes(out).items():
        keys = [key for key, _ in records(out / f"{split}_db")]
        assert [int(key[9:]) for key in keys] == index.records["label"].tolist()
        for place in range(len(index)):
            path = Path(index.whole_name(place))
            assert path.is_relative_to(root) and index.name(place) == str(path.relative_to(root))
            assert index.sha256(place) == hashlib.sha256(path.read_bytes()).digest()
        assert set(index.records["width"]) == {31} and set(index.records["height"]) == {22}


def test_the_index_and_what_was_found_are_the_same_again(pictures, options, memory, tmp_path):
    root = pictures(count=30)
    shutil.copy(root / "cat" / "000.png", root / "dog" / "000.png")
    found = []
    for name in ("one", "two"):
        build_classification(options(root), tmp_path / name, memory())
        files = [*sorted((tmp_path / name / "index").iterdir()), tmp_path / name / "quality.json"]
        found.append([(path.name, path.read_bytes()) for path in files])
    assert found[0] == found[1] and len(found[0]) == 10
