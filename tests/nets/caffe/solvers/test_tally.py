"""What a test adds up: plain outputs as means, detections as average precision."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from gradus.core.errors import InputError, NetworkError
from gradus.nets.caffe.solvers.scaffold import read_solver
from gradus.nets.caffe.solvers.solver import Solver
from gradus.nets.caffe.solvers.tally import Tally

NET = """
name: "judged"
layer {{ name: "rows" type: "HDF5Data" top: "found" top: "true"
        hdf5_data_param {{ source: "{folder}/list.txt" batch_size: 1 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "true" top: "ip" include {{ phase: TRAIN }}
        inner_product_param {{ num_output: 1 }} }}
layer {{ name: "loss" type: "Reduction" bottom: "ip" top: "loss" loss_weight: 1 include {{ phase: TRAIN }} }}
layer {{ name: "quiet" type: "Silence" bottom: "found" include {{ phase: TRAIN }} }}
layer {{ name: "eval" type: "DetectionEvaluate" bottom: "found" bottom: "true" top: "eval" include {{ phase: TEST }}
        detection_evaluate_param {{ num_classes: 3 }} }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures. Class 1: a hit at 0.9, a miss at 0.8, then a hit at 0.7, of two. Class 2: one true box, unseen."""
    box, other = [0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]
    found = np.array([[[[0, 1, 0.9, *box], [0, 1, 0.8, *other]]], [[[0, 1, 0.7, *box], [-1] * 7]]], np.float32)
    true = np.array([[[[0, 1, 0, *box, 0], [0, 2, 0, *other, 0]]], [[[0, 1, 0, *box, 0], [-1] * 8]]], np.float32)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["found"], file["true"] = found, true
    (tmp_path / "list.txt").write_text(f"{tmp_path}/rows.h5\n")
    (tmp_path / "net.prototxt").write_text(NET.format(folder=tmp_path))
    return tmp_path


def judged(folder: Path, more: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    path = folder / "solver.prototxt"
    path.write_text(
        f'net: "{folder}/net.prototxt" test_iter: 2 test_interval: 1 base_lr: 0.1 lr_policy: "fixed" max_iter: 1 '
        f"solver_mode: CPU {more}"
    )
    heard: list[str] = []
    solver = Solver(read_solver(path), source=str(path), log=lambda _, words: heard.append(words))
    try:
        return solver.test(0), heard
    finally:
        solver.close()


@pytest.mark.parametrize(
    ("version", "precision"),
    [("Integral", (1 + 2 / 3) / 2), ("MaxIntegral", (1 + 2 / 3) / 2), ("11point", (6 * 1 + 5 * 2 / 3) / 11)],
)
def test_detections_are_judged_over_all_batches(folder, version, precision):
    found, heard = judged(folder, f'eval_type: "detection" ap_version: "{version}" show_per_class_result: true')
    assert float(found["eval"]) == pytest.approx(precision / 2, rel=1e-5)
    assert heard[-3:-1] == [f"class1: {precision:g}", "class2: 0"]
    assert heard[-1] == f"    Test net output #0: eval = {precision / 2:g}"


def test_an_unknown_kind_of_test_is_refused(folder):
    with pytest.raises(InputError, match="no eval_type"):
        judged(folder, 'eval_type: "segmentation"')


def test_other_outputs_are_no_detections():
    with pytest.raises(NetworkError, match="not of DetectionEvaluate"):
        Tally(["accuracy"]).add({"accuracy": torch.tensor(0.5)})


def test_plain_outputs_are_means():
    tally = Tally()
    for value in (1.0, 2.0, 6.0):
        tally.add({"loss": torch.tensor(value), "each": torch.tensor([value, 0.0])})
    results = tally.results()
    assert float(results["loss"]) == 3 and results["each"].tolist() == [3, 0]


def test_what_differs_in_size_has_no_mean():
    tally = Tally()
    tally.add({"rows": torch.zeros(1, 1, 3, 7)})
    with pytest.raises(NetworkError, match="differs in size"):
        tally.add({"rows": torch.zeros(1, 1, 4, 7)})
