"""Files that were sent: named by a reference that leads nowhere else, gone after a day unless a job has them."""

import io
import os
import time
from pathlib import Path

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.errors import PathError
from gradus.data.uploads import FOLDER, find, keep, link, located


@pytest.mark.parametrize(
    ("name", "kept"),
    [("train.txt", "train.txt"), ("../../etc/passwd", "passwd"), ("C:\\x\\a b.txt", "a_b.txt"), ("..", "file"),
     ("", "file"), ("n\0\n.txt", "n_.txt"), ("x" * 300 + ".txt", "x" * 96 + ".txt")],
)  # fmt: skip
def test_a_file_is_kept_under_a_plain_name(tmp_path, name, kept):
    reference = keep(tmp_path / "uploads", name, io.BytesIO(b"1.png 0"))
    path = find((tmp_path / "uploads",), reference, "train")
    assert path.read_bytes() == b"1.png 0"
    assert path.name == kept
    assert path.parent.parent == tmp_path / "uploads"


@pytest.mark.parametrize(
    "reference", ["upload:", "upload:../x", f"upload:{'0' * 32}/../x", f"upload:{'0' * 32}/none", "upload:x/../../y"]
)
def test_a_reference_leads_nowhere_else(tmp_path, reference):
    (tmp_path / "x").touch()
    with pytest.raises(PathError) as caught:
        find((tmp_path,), reference, "labels")
    assert caught.value.problem.field == "labels"


def test_what_breaks_off_leaves_nothing(tmp_path):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        keep(tmp_path, "a", Broken())
    assert list(tmp_path.iterdir()) == []


def test_a_job_keeps_its_own(tmp_path):
    home, job = tmp_path / "uploads", tmp_path / "job"
    references = [keep(home, name, io.BytesIO(name.encode())) for name in ("train.txt", "labels.txt")]
    options = ClassificationOptions(name="n", method="textfile", train=references[0], labels=references[1])
    link(options, home, job)
    for folder in home.iterdir():
        os.utime(folder, (0, time.time() - 90_000))
    keep(home, "new", io.BytesIO())
    assert len(list(home.iterdir())) == 1
    found = located(options, (home, job / FOLDER))
    assert Path(found.train).read_text() == "train.txt"
    assert found.train.startswith(str(job)) and found.labels.startswith(str(job))
