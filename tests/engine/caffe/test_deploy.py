"""`caffe deploy`: what was trained is used by others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gradus.nets import caffe as nets
from gradus.nets.caffe.text.prototxt import parse_network

Run = Callable[..., Any]


def test_opencv_runs_what_was_trained(caffe: Run, work: Path) -> None:
    ran = caffe("deploy", "train_test.prototxt", "deploy.prototxt")
    assert ran.code == 0, ran.err
    assert caffe("train", "--solver=solver.prototxt").code == 0
    reader = cv2.dnn.readNetFromCaffe("deploy.prototxt", "patterns_iter_60.caffemodel")
    x = np.random.default_rng(0).uniform(size=(1, 1, 7, 7)).astype(np.float32)  # the database's 8 x 8, cropped
    reader.setInput(x)
    ours = nets.Net(work / "deploy.prototxt", work / "patterns_iter_60.caffemodel").forward(data=x)
    assert list(ours) == ["prob"]
    np.testing.assert_allclose(ours["prob"], reader.forward(), rtol=1e-4)


def test_rules_choose_the_layers(caffe: Run, work: Path) -> None:
    text = work / "train_test.prototxt"
    text.write_text(
        text.read_text() + 'layer { name: "more" type: "ReLU" bottom: "ip1" top: "more" include { stage: "x" } }'
    )
    for stage, last in ((), "loss"), (("--stage=x",), "more"):
        assert caffe("deploy", "train_test.prototxt", "out.prototxt", *stage).code == 0
        assert parse_network((work / "out.prototxt").read_text())[1][-1].name == last


def test_what_cannot_be_done_is_said(caffe: Run, work: Path) -> None:
    assert "needs two files" in caffe("deploy", "train_test.prototxt").err
    text = work / "train_test.prototxt"
    text.write_text(text.read_text().replace("train_lmdb", "lost_lmdb"))
    ran = caffe("deploy", "train_test.prototxt", "out.prototxt")
    assert ran.code == 2
    assert "lost_lmdb" in ran.err
    assert not (work / "out.prototxt").exists()
