"""Scripts that were written for Caffe run as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = [sys.executable, "-m", "gradus.nets.caffe.pycaffe"]
SCRIPT = """
import sys
import caffe
from mine import Times
net = caffe.Net(sys.argv[1], caffe.TEST)
net.blobs['x'].data[...] = 2
print(__name__, net.forward()['y'], len(sys.argv))
"""
MINE = """
import caffe
class Times(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)
    def forward(self, bottom, top):
        top[0].data[...] = 21 * bottom[0].data
"""
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }
layer { name: "y" type: "Python" bottom: "x" top: "y" python_param { module: "mine" layer: "Times" } }
"""


def test_a_script_finds_caffe_and_the_layers_beside_it(tmp_path: Path) -> None:
    for name, text in (("script.py", SCRIPT), ("mine.py", MINE), ("net.prototxt", NET)):
        (tmp_path / name).write_text(text)
    ran = subprocess.run(
        [*RUN, tmp_path / "script.py", tmp_path / "net.prototxt"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "__main__ [42.] 2\n"), ran.stderr


def test_without_a_script_it_says_how() -> None:
    ran = subprocess.run(RUN, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "SCRIPT" in ran.stderr
