"""What is set for the whole process."""

from __future__ import annotations

import logging

import h5py
import numpy as np
import pytest
import torch

from gradus.nets.caffe.layers.table import LAYERS
from gradus.nets.caffe.pycaffe.process import SETTINGS, Process

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
        inner_product_param { num_output: 3 weight_filler { type: "gaussian" } } }
"""


@pytest.fixture(autouse=True)
def _as_before():
    before = dict(vars(SETTINGS))
    yield
    vars(SETTINGS).update(before)


def test_a_seed_repeats_the_fillings_one_after_the_other(caffe, write) -> None:
    def filled() -> list[np.ndarray]:
        return [caffe.Net(write(NET), caffe.TEST).params["ip"][0].data.copy() for _ in range(2)]

    caffe.set_random_seed(5)
    first, second = filled()
    assert (first != second).any()
    caffe.set_random_seed(5)
    np.testing.assert_array_equal(filled(), [first, second])
    SETTINGS.seed = None
    assert (filled()[0] != first).any()


def test_the_device_is_the_processor_until_told(caffe, monkeypatch) -> None:
    assert Process().device() == torch.device("cpu")
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: None)
    caffe.set_mode_gpu()
    assert SETTINGS.device() == torch.device("cpu")  # as `gradus caffe` does it
    caffe.set_mode_cpu()
    assert SETTINGS.device() == torch.device("cpu")


def test_a_gpu_is_chosen_by_its_number(caffe, monkeypatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    caffe.set_mode_gpu()
    caffe.set_device(1)
    assert SETTINGS.device() == torch.device("cuda", 1)
    caffe.set_devices([0, 1])
    assert SETTINGS.device() == torch.device("cuda", 0)
    caffe.set_device(2)
    with pytest.raises(RuntimeError, match="no GPU 2"):
        SETTINGS.device()


def test_all_layer_types_are_listed(caffe) -> None:
    assert caffe.layer_type_list() == list(LAYERS)


def test_places_among_solvers_are_kept(caffe) -> None:
    caffe.set_solver_count(3)
    caffe.set_solver_rank(2)
    caffe.set_multiprocess(True)
    assert (caffe.solver_count(), caffe.solver_rank(), SETTINGS.multiprocess) == (3, 2, True)
    assert caffe.has_nccl() is False
    with pytest.raises(RuntimeError, match="NCCL") as caught:
        caffe.NCCL(None, "uid")
    assert "one GPU" in caught.value.problem.hint


def test_the_log_is_pythons(caffe, caplog, monkeypatch) -> None:
    log = logging.getLogger("caffe")
    monkeypatch.setattr(log, "handlers", [])
    with caplog.at_level(logging.INFO, "caffe"):
        caffe.init_log("pre ", True)
        caffe.init_log()
        caffe.log("said")
    assert caplog.messages == ["said"]
    assert len(log.handlers) == 1
    assert log.handlers[0].format(caplog.records[0]) == "pre said"


def test_a_timer_counts_milliseconds(caffe, monkeypatch) -> None:
    moments = iter([1.0, 1.25])
    monkeypatch.setattr("gradus.nets.caffe.pycaffe.process.time.perf_counter", lambda: next(moments))
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert timer.ms == 250


@pytest.mark.parametrize("made", ["net", "solver"])
def test_solvers_that_train_together_share_the_records_out(caffe, write, tmp_path, made) -> None:
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["x"], file["t"] = np.arange(6.0).reshape(6, 1), np.zeros((6, 1))
    write(str(tmp_path / "rows.h5"), "list.txt")
    net = write(f"""
layer {{ name: "d" type: "HDF5Data" top: "x" top: "t"
        hdf5_data_param {{ source: "{tmp_path / "list.txt"}" batch_size: 3 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param {{ num_output: 1 }} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "t" top: "loss" }}
""")
    caffe.set_solver_count(2)
    caffe.set_solver_rank(1)
    if made == "net":
        train, test = caffe.Net(net, caffe.TRAIN), caffe.Net(net, caffe.TEST)
        train.forward()
    else:
        text = f'net: "{net}" base_lr: 0.1 lr_policy: "fixed" max_iter: 1 test_iter: 1 test_interval: 9 display: 0'
        solver = caffe.SGDSolver(write(text, "solver.prototxt"))
        train, test = solver.net, solver.test_nets[0]
        solver.net.forward()
    test.forward()
    assert train.blobs["x"].data.ravel().tolist() == [1, 3, 5]
    assert test.blobs["x"].data.ravel().tolist() == [0, 1, 2]  # tests read everything
