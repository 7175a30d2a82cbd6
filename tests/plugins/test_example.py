"""The example of a plugin: installed as any other, found, sound, and built into databases by another program's eyes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "gradus-gradients"
BUILD = """
import json, sys
from pathlib import Path
from gradus.data.generic import build_generic
from gradus.plugins import manager

class Silent:
    def __getattr__(self, name): return lambda *told: False

kind = manager.kind("image-gradients")
options = kind.options(name="g", train_image_count=20, val_image_count=6, image_width=16, image_height=12)
facts = build_generic(kind, options, Path(sys.argv[1]), Silent())
plugin = next(p for p in manager.plugins() if p.name == "image-gradients")
print(json.dumps([plugin.distribution, plugin.version, json.loads(facts.model_dump_json())]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process for which the example is installed beside Gradus."""
    copy = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("example") / "source")
    target = tmp_path_factory.mktemp("packages")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, "--target", target, copy], check=True)
    return copy, {**os.environ, "PYTHONPATH": str(target)}


def run(installed, *arguments):
    folder, environment = installed
    ran = subprocess.run([sys.executable, *arguments], env=environment, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_it_passes_its_own_tests(installed):
    assert "2 passed" in run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_its_datasets_are_as_its_readme_says(installed, tmp_path, caffe):
    distribution, version, facts = json.loads(run(installed, "-c", BUILD, str(tmp_path / "job")))
    assert (distribution, version, facts["presentation"]) == ("gradus-gradients", "1.0.0", "vector")
    train, val = facts["splits"]
    assert (train["count"], train["feature"]["shape"], train["label"]["shape"]) == (20, [1, 12, 16], [2, 1, 1])
    assert (val["count"], facts["user"], facts["unreadable"]) == (6, {"width": 16, "height": 12}, 0)
    folder = tmp_path / "job" / "val_db" / "labels"
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        labels = [list(caffe.Datum.FromString(value).float_data) for _, value in transaction.cursor()]
    assert len(labels) == 6 and np.abs(labels).max() <= 0.5 and len({tuple(label) for label in labels}) == 6
