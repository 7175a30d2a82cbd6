"""`caffe test`: the numbers of every batch and their means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def weights(caffe: Run, work: Path) -> Path:
    assert caffe("train", "--solver=solver.prototxt").code == 0
    return work / "patterns_iter_60.caffemodel"


def test_batches_and_means_are_said(caffe: Run, work: Path, weights: Path) -> None:
    ran = caffe("test", "-model", "train_test.prototxt", "-weights", weights, "-iterations", "5")
    assert ran.code == 0, ran.err
    accuracies = ran.numbers(r"Batch \d+, accuracy = (\S+)")
    losses = ran.numbers(r"Batch \d+, loss = (\S+)")
    assert len(accuracies) == len(losses) == 5
    mean = sum(losses) / 5
    assert ran.numbers(r"\] Loss: (\S+)") == pytest.approx([mean], rel=1e-4)
    tail = ran.messages[-2:]
    assert tail[0] == f"accuracy = {sum(accuracies) / 5:g}"
    assert tail[1].startswith("loss = ")
    assert float(tail[1].split()[2]) == pytest.approx(mean, rel=1e-4)
    assert tail[1].endswith(" loss)")


def test_it_agrees_with_the_test_of_the_training(caffe: Run, work: Path) -> None:
    trained = caffe("train", "--solver=solver.prototxt")
    ran = caffe(
        "test", "--model=train_test.prototxt", "--weights=patterns_iter_60.caffemodel", "--iterations=5"
    )  # 5 batches of 10 are the whole database
    assert float(ran.messages[-2].split()[2]) == trained.numbers(r"Test net output #0: accuracy = (\S+)")[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--weights=w"], "Need a model definition to score."),
        (["--model=train_test.prototxt"], "Need model weights to score."),
        (["--model=train_test.prototxt", "--weights=w", "--iterations=0"], "--iterations must be at least 1"),
    ],
)
def test_what_is_missing_is_said(caffe: Run, work: Path, arguments: list[str], words: str) -> None:
    ran = caffe("test", *arguments)
    assert ran.code == 2
    assert words in ran.err
