"""A small database of patterns, and networks and solvers in the form of Caffe's public examples."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lmdb
import numpy as np
import pytest

from gradus.engine.caffe.__main__ import main
from gradus.nets.caffe import user_code
from gradus.nets.caffe.schema import message_class

COUNT, SIDE = 50, 8

TRAIN_TEST = """
name: "Patterns"
layer {
  name: "patterns"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TRAIN }
  transform_param { scale: 0.00390625 mirror: true crop_size: 7 }
  data_param { source: "train_lmdb" batch_size: 8 backend: LMDB }
}
layer {
  name: "patterns"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TEST }
  transform_param { scale: 0.00390625 crop_size: 7 }
  data_param { source: "train_lmdb" batch_size: 10 backend: LMDB }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  param { lr_mult: 1 }
  param { lr_mult: 2 }
  convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "pool1"
  type: "Pooling"
  bottom: "conv1"
  top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer { name: "relu1" type: "ReLU" bottom: "pool1" top: "pool1" }
layer {
  name: "drop1"
  type: "Dropout"
  bottom: "pool1"
  top: "pool1"
  dropout_param { dropout_ratio: 0.2 }
}
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "pool1"
  top: "ip1"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "accuracy"
  type: "Accuracy"
  bottom: "ip1"
  bottom: "label"
  top: "accuracy"
  include { phase: TEST }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
"""

SOLVER = """# The train/test net protocol buffer definition
net: "train_test.prototxt"
test_iter: 5
test_interval: 20
base_lr: 0.05
momentum: 0.9
weight_decay: 0.0005
lr_policy: "inv"
gamma: 0.0001
power: 0.75
display: 10
max_iter: 60
snapshot: 30
snapshot_prefix: "patterns"
random_seed: 5
solver_mode: GPU
"""


@dataclass
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[str]:
        """The words of the log's lines, without their prefixes."""
        return [line.partition("] ")[2] for line in self.err.splitlines()]

    def numbers(self, pattern: str) -> list[float]:
        """What a pattern's group finds in the log."""
        return [float(found) for found in re.findall(pattern, self.err)]


@pytest.fixture(scope="session")
def patterns() -> dict[bytes, bytes]:
    """Pictures of vertical stripes, horizontal ones and a bright middle, with noise: keys and Datums."""
    random = np.random.default_rng(1)
    rows, columns = np.indices((SIDE, SIDE))
    kinds = [columns // 2 % 2, rows // 2 % 2, (abs(rows - 3.5) < 2) & (abs(columns - 3.5) < 2)]
    records = {}
    for i in range(COUNT):
        pixels = (kinds[i % 3] * 150 + random.integers(0, 100, (SIDE, SIDE))).astype(np.uint8)
        datum = message_class("Datum")(channels=1, height=SIDE, width=SIDE, data=pixels.tobytes(), label=i % 3)
        records[b"%08d" % i] = datum.SerializeToString()
    return records


@pytest.fixture
def work(tmp_path: Path, patterns: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with everything that the texts name, which is the current one."""
    database = str(tmp_path / "train_lmdb")
    with lmdb.open(database, map_size=1 << 22) as environment, environment.begin(write=True) as transaction:
        for key, value in patterns.items():
            transaction.put(key, value)
    (tmp_path / "train_test.prototxt").write_text(TRAIN_TEST)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def caffe(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process."""

    def run(*arguments: object) -> Ran:
        with user_code.permitted(user_code.Policy(everywhere=True)):  # as before, afterwards
            code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run
