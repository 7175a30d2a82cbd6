"""`caffe upgrade`: what a file is, is seen from its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import parse, read_text

Run = Callable[..., Any]

V1 = """
name: "old"
input: "data" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" blobs_lr: 1 blobs_lr: 2
         convolution_param { num_output: 2 kernel_size: 3 } }
"""


def test_a_network_s_text_comes_out_in_today_s_notation(caffe: Run, tmp_path: Path) -> None:
    (tmp_path / "old.prototxt").write_text(V1)
    ran = caffe("upgrade", tmp_path / "old.prototxt", tmp_path / "new.prototxt")
    assert ran.code == 0, ran.err
    new, _ = parse(read_text(tmp_path / "new.prototxt"), "NetParameter", "new")
    assert [(layer.name, layer.type) for layer in new.layer] == [("input", "Input"), ("conv", "Convolution")]
    assert [param.lr_mult for param in new.layer[1].param] == [1, 2]
    assert "Wrote upgraded NetParameter text proto" in ran.err
    again = caffe("upgrade", tmp_path / "new.prototxt", tmp_path / "newer.prototxt")
    assert "File already in latest proto format" in again.err
    assert (tmp_path / "newer.prototxt").read_text() == (tmp_path / "new.prototxt").read_text()


def test_weights_stay_binary_and_the_same(caffe: Run, tmp_path: Path) -> None:
    old = message_class("NetParameter")(name="old")
    layer = old.layers.add(name="ip", bottom=["data"], top=["ip"])
    layer.type = layer.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_name["INNER_PRODUCT"].number
    values = np.linspace(-1, 1, 6, dtype=np.float32)
    blob = layer.blobs.add(num=1, channels=1, height=2, width=3)
    blob.data.extend(values.tolist())
    layer.include.add(phase=0)
    old.layers.add(name="pool")
    (tmp_path / "old.caffemodel").write_bytes(old.SerializeToString())
    ran = caffe("upgrade", tmp_path / "old.caffemodel", tmp_path / "new.caffemodel")
    assert ran.code == 0, ran.err
    new = message_class("NetParameter").FromString((tmp_path / "new.caffemodel").read_bytes())
    assert (new.layer[0].type, len(new.layers)) == ("InnerProduct", 0)
    assert ([layer.name for layer in new.layer], new.layer[0].include[0].phase) == (["ip", "pool"], 0)
    np.testing.assert_array_equal(np.array(new.layer[0].blobs[0].data, np.float32), values)


def test_a_solver_s_old_type_becomes_a_word(caffe: Run, tmp_path: Path) -> None:
    (tmp_path / "solver.prototxt").write_text('net: "n" base_lr: 0.1 solver_type: ADAGRAD')
    assert caffe("upgrade", tmp_path / "solver.prototxt", tmp_path / "new.prototxt").code == 0
    new, _ = parse(read_text(tmp_path / "new.prototxt"), "SolverParameter", "new")
    assert (new.type, new.HasField("solver_type"), new.net) == ("AdaGrad", False, "n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89HDF\r\n\x1a\n\0\0", "HDF5"),
        (b"\0\xff\xff\xff", "not a caffemodel"),
        (b'layer { name: "a"\n  typo: 3 }', "line 2"),
        (b"base_lr: 0.1\nmax_iterations: 3\n", "line 2"),
    ],
)
def test_what_is_neither_is_refused(caffe: Run, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "in").write_bytes(content)
    ran = caffe("upgrade", tmp_path / "in", tmp_path / "out")
    assert ran.code == 2
    assert words in ran.err
    assert not (tmp_path / "out").exists()
