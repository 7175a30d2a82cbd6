"""`caffe draw`: pictures with shapes and counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

Run = Callable[..., Any]
SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(path.read_text()).iter(f"{SVG}text")]


def test_shapes_are_those_of_the_database(caffe: Run, work: Path) -> None:
    ran = caffe("draw", "train_test.prototxt", "net.svg")
    assert ran.code == 0, ran.err
    said = texts(work / "net.svg")
    # 6 x (9 + 1) and 3 x (54 + 1) parameters; 25 x 6 x 9 and 3 x 54 multiply-adds.
    assert said[0] == "Patterns: 7 layers, 225 parameters, 1.51 k multiply-adds"
    assert "8×6×5×5" in said  # a crop of 7 under a kernel of 3
    assert "accuracy" not in said
    caffe("draw", "train_test.prototxt", "test.svg", "--phase=TEST", "--rankdir=LR")
    assert "accuracy" in texts(work / "test.svg")


def test_without_the_database_a_size_is_assumed_and_said(caffe: Run, work: Path) -> None:
    path = work / "train_test.prototxt"
    path.write_text(path.read_text().replace("train_lmdb", "lost_lmdb"))
    ran = caffe("draw", "train_test.prototxt", "net.dot")
    assert ran.code == 0, ran.err
    assert "224 x 224" in ran.err
    assert "8×3×7×7 and 8" in (work / "net.dot").read_text()


def test_pictures_have_as_many_channels_as_the_text_can_take(caffe: Run, work: Path) -> None:
    shape = "input_param { shape { dim: 8 dim: 1 dim: 9 dim: 9 } }"
    (work / "pair.prototxt").write_text(
        'layer { name: "pair" type: "Data" top: "pair" data_param { source: "lost" batch_size: 8 } '
        "transform_param { crop_size: 9 } }"
        f'layer {{ name: "in" type: "Input" top: "b" {shape} }}'
        'layer { name: "sum" type: "Eltwise" bottom: "pair" bottom: "b" top: "c" }'
    )
    ran = caffe("draw", "pair.prototxt", "net.dot")
    assert ran.code == 0, ran.err
    assert "8×1×9×9" in (work / "net.dot").read_text()


def test_graphviz_is_asked_for_what_it_alone_can(caffe: Run, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(work))
    ran = caffe("draw", "train_test.prototxt", "net.png")
    assert ran.code == 1
    assert "Graphviz" in ran.err
    assert ".svg" in ran.err
    program = work / "dot"
    program.write_text('#!/bin/sh\n/bin/cat > seen.dot\necho "$1"\n')
    program.chmod(0o755)
    assert caffe("draw", "train_test.prototxt", "net.png").code == 0
    assert (work / "net.png").read_text() == "-Tpng\n"
    assert (work / "seen.dot").read_text().startswith('digraph "Patterns" {')


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train_test.prototxt"], "two files"),
        (["train_test.prototxt", "net.bmp"], ".svg"),
        (["train_test.prototxt", "net.svg", "--rankdir=UP"], "TB"),
        (["lost.prototxt", "net.svg"], "lost.prototxt"),
    ],
)
def test_what_cannot_be_drawn_is_said(caffe: Run, work: Path, arguments: list[str], words: str) -> None:
    ran = caffe("draw", *arguments)
    assert ran.code == 2
    assert words in ran.err
