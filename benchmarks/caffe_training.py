"""Caffe's loop learning LeNet from an LMDB, as `gradus caffe train` runs it, beside a plain PyTorch loop.

The solver is that of Caffe's public example: momentum, decay, a falling rate, its loss displayed every 100 iterations.
"""

from __future__ import annotations

import time
from pathlib import Path

import lmdb

from benchmarks.measure import Row, in_turns
from benchmarks.peers.plain_pytorch import BATCH, PlainPyTorch
from benchmarks.setting import Setting
from gradus.data.datum import encode_datum
from gradus.nets.caffe.solvers.scaffold import read_solver
from gradus.nets.caffe.solvers.solver import Solver

ITERATIONS = 400
PEER_BATCHES = 150
RECORDS = 20_000

NET = """
name: "LeNet"
layer {{ name: "digits" type: "Data" top: "data" top: "label" transform_param {{ scale: 0.00390625 }}
        data_param {{ source: "{work}/lmdb" batch_size: {batch} backend: LMDB }} }}
layer {{ name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param {{ lr_mult: 1 }} param {{ lr_mult: 2 }}
        convolution_param {{ num_output: 20 kernel_size: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2" param {{ lr_mult: 1 }} param {{ lr_mult: 2 }}
        convolution_param {{ num_output: 50 kernel_size: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1" param {{ lr_mult: 1 }} param {{ lr_mult: 2 }}
        inner_product_param {{ num_output: 500 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }}
layer {{ name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" param {{ lr_mult: 1 }} param {{ lr_mult: 2 }}
        inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }}
"""
SOLVER = """
net: "{work}/net.prototxt" base_lr: 0.01 momentum: 0.9 weight_decay: 0.0005 lr_policy: "inv" gamma: 0.0001 power: 0.75
display: 100 random_seed: 1 snapshot_prefix: "{work}/lenet" solver_mode: CPU
"""


def run(setting: Setting) -> list[Row]:
    solver = Solver(read_solver(_files(setting)))
    images, labels = setting.digits.all
    plain = PlainPyTorch(images[:RECORDS], labels[:RECORDS])
    solver.step(50)

    def ours() -> float:
        start = time.perf_counter()
        solver.step(ITERATIONS)
        return ITERATIONS * BATCH / (time.perf_counter() - start)

    figures = in_turns({"ours": ours, "plain": lambda: plain.train(PEER_BATCHES)}, setting.rounds)
    solver.close()
    return [
        Row(
            name="caffe_training", what=f"training LeNet by a solver's text from an LMDB, batch {BATCH}",
            unit="pictures/s", ours=figures["ours"].median, peer=figures["plain"].median,
            peer_name="plain PyTorch loop", spread=figures["ours"].spread,
        )
    ]  # fmt: skip


def _files(setting: Setting) -> Path:
    """The database and the two texts."""
    images, labels = setting.digits.all
    database = str(setting.work / "lmdb")
    with lmdb.open(database, map_size=1 << 30) as environment, environment.begin(write=True) as transaction:
        for index in range(RECORDS):
            record = encode_datum(
                images[index].tobytes(), channels=1, height=28, width=28, label=int(labels[index]), encoded=False
            )
            transaction.put(b"%08d" % index, record)
    (setting.work / "net.prototxt").write_text(NET.format(work=setting.work, batch=BATCH))
    path = setting.work / "solver.prototxt"
    path.write_text(SOLVER.format(work=setting.work))
    return path
