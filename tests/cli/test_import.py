"""`gradus dataset import` and `gradus plugins check`, as a shell runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import lmdb
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_job_of_digits_is_imported_under_its_own_name(gradus: Run, tmp_path: Path, caffe: SimpleNamespace) -> None:
    folder = tmp_path / "20160101-101010-abcd"
    (folder / "train_db").mkdir(parents=True)
    (folder / "labels.txt").write_text("cat\ndog\n")
    with lmdb.open(str(folder / "train_db"), map_size=2**22) as environment, environment.begin(write=True) as writing:
        for i in range(6):
            datum = caffe.Datum(channels=1, height=4, width=4, data=bytes([i] * 16), label=i % 2, encoded=False)
            writing.put(b"%08d_%d" % (i, i % 2), datum.SerializeToString())
    ran = gradus("dataset", "import", folder, "--group", "old", "--json")
    assert ran.returncode == 0, ran.stderr
    view = json.loads(ran.stdout)
    assert (view["job"]["name"], view["job"]["group"], view["job"]["type"]) == (folder.name, "old", "classification")
    assert [split["class_counts"] for split in view["facts"]["splits"]] == [[3, 3]]
    refused = gradus("dataset", "import", tmp_path)
    assert refused.returncode == 2
    assert "FOLDER: The folder" in refused.stderr and "holds several jobs" in refused.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_a_kind_is_checked_by_its_id_or_module(gradus: Run, tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "mine.py").write_text("def gradus_data_kinds():\n    return [1]\n")
    flags = ["--json"] if as_json else []
    sound = gradus("plugins", "check", "text-classification", *flags)
    assert sound.returncode == 0, sound.stderr
    command = [sys.executable, "-m", "gradus.cli.main", "plugins", "check", "mine", *flags]
    broken = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert broken.returncode == 1, broken.stderr
    if as_json:
        assert json.loads(sound.stdout) == [{"kind": "text-classification", "findings": []}]
        assert [each["about"] for each in json.loads(broken.stdout)[0]["findings"]] == ["kind"]
    else:
        assert "nothing wrong was found" in sound.stderr
        assert "must derive from gradus.plugins.data.DataKind" in broken.stderr


def test_a_field_to_set_has_a_value(gradus: Run) -> None:
    ran = gradus("plugins", "check", "text-classification", "--set", "train_data_file")
    assert ran.returncode == 2
    assert "FIELD=VALUE" in ran.stderr
