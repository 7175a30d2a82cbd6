"""The server loads no library of pictures, arrays, databases or stores to start, list the kinds and show their forms.

They are loaded where a sample is first looked at; most work on samples is done by other processes.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "numpy", "cv2", "PIL", "simplejpeg", "h5py", "isal", "lmdb", "pyarrow", "boto3", "botocore", "yaml", "re2", "torch",
}  # fmt: skip
START = """
import gradus.cli.serve, gradus.web.app
from gradus.core.classification import ClassificationOptions
from gradus.plugins.manager import kinds, plugins
from gradus.services.kinds import described, listing
from gradus.web.pages.fields import layout

errors = [plugin.error for plugin in plugins() if plugin.distribution == "gradus" and plugin.error]
forms = {kind.id: len(layout(kind.options)) for kind in kinds().values()}
forms["classification"] = len(layout(ClassificationOptions))
listed = [kind.id for kind in listing()]
described()
"""


@pytest.fixture(scope="module")
def started() -> dict[str, list[str]]:
    """What a fresh interpreter has loaded."""
    told = "import json, sys; print(json.dumps([errors, forms, listed, list(sys.modules)]))"
    ran = subprocess.run([sys.executable, "-c", START + told], capture_output=True, text=True, check=True)
    errors, forms, listed, modules = json.loads(ran.stdout)
    return {"errors": errors, "forms": [name for name, sections in forms.items() if sections], "listed": listed,
            "modules": modules}  # fmt: skip


def test_the_server_starts_without_libraries_that_work_on_samples(started: dict[str, list[str]]) -> None:
    assert HEAVY & {name.split(".")[0] for name in started["modules"]} == set()


def test_every_kind_was_loaded_and_has_a_form(started: dict[str, list[str]]) -> None:
    ours = {"classification", "digits-import", "image-generic", "image-multi-label", "image-object-detection",
            "image-processing", "image-regression", "image-segmentation", "text-classification"}  # fmt: skip
    assert started["errors"] == []
    assert ours <= set(started["forms"])
    assert set(started["forms"]) == set(started["listed"])
