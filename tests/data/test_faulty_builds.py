"""A build whose disk is full at its n-th write, or that is killed there, for every n (F07, F16)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("faulty_builds.py")
FULL = 7  # the script's status for a StorageFullError


@pytest.fixture
def outcomes(pictures, options, tmp_path):
    """What became of each build: those that were disturbed, and the one at the end that was not."""

    def run(effect, archive=False, pairs=False, **given):
        if not shutil.which("strace"):
            pytest.skip("strace is not there")
        root = pictures(count=8 if archive else 40, size=(16, 16))
        if archive:
            root, given["method"] = Path(shutil.make_archive(str(tmp_path / "all"), "zip", root)), "archive"
        asked = options(root, width=16, height=16, encoding="raw", **given).model_dump_json()
        if pairs:
            asked = json.dumps(
                {
                    "type": "image-processing",
                    "name": "x",
                    "feature_folder": f"{root}/cat",
                    "label_folder": f"{root}/dog",
                }
            )
        (tmp_path / "out").mkdir()
        command = [sys.executable, str(SCRIPT), asked, str(tmp_path / "out"), effect]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "strace cannot" in done.stderr:
            pytest.skip(done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(rows) > 15, done.stderr
        return rows[:-1], rows[-1]

    return run


def check(disturbed, last):
    assert last["status"] == 0 and last["finished"] and last["first"] == last["whole"]
    for row in disturbed:
        assert row["again"] == 0, row
        assert row["then"] == row["whole"], row  # built again, it is the same to the last byte
        assert not row["finished"] or row["first"] == row["whole"], row  # `dataset.json` is there: then all of it is


SLOW = pytest.mark.slow
HDF5, ARCHIVE, GENERIC = (
    pytest.param(given, marks=SLOW, id=name)
    for name, given in (("hdf5", {"backend": "hdf5"}), ("archive", {"archive": True}), ("generic", {"pairs": True}))
)


@pytest.mark.parametrize("given", [pytest.param({}, id="lmdb"), HDF5, ARCHIVE, GENERIC])
def test_f16_a_disk_that_is_full_at_the_nth_write(outcomes, given):
    disturbed, last = outcomes("error=ENOSPC", **given)
    check(disturbed, last)
    for row in disturbed:
        assert (row["status"], row["error"]) == (FULL, ""), row
        assert ".building-databases" not in row["left"]
        assert not [name for name in row["left"] if name.startswith(".writing")]


@pytest.mark.parametrize("given", [pytest.param({}, id="lmdb"), ARCHIVE, GENERIC])
def test_f07_a_build_that_is_killed_at_the_nth_write(outcomes, given):
    disturbed, last = outcomes("signal=KILL", **given)
    check(disturbed, last)
    assert {row["status"] for row in disturbed} == {-9}
