"""`caffe time`: every layer in both directions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradus.engine.caffe.time import Stopwatch
from gradus.nets.caffe.net import Net

Run = Callable[..., Any]
LAYERS = ["patterns", "conv1", "pool1", "relu1", "drop1", "ip1", "loss"]


def test_each_layer_is_said_twice_and_the_sum_is_the_pass(caffe: Run, work: Path) -> None:
    ran = caffe("time", "--model=train_test.prototxt", "--iterations=2")
    assert ran.code == 0, ran.err
    rows = [line.split() for line in ran.messages if "\t" in line]
    assert [(name, direction) for name, direction, *_ in rows] == [
        (name, direction) for name in LAYERS for direction in ("forward:", "backward:")
    ]
    for place, words in ((0, "Forward pass"), (1, "Backward pass")):
        total = ran.numbers(rf"Average {words}: (\S+) ms\.")
        assert total == pytest.approx([sum(float(row[2]) for row in rows[place::2])], rel=1e-3)
    assert ran.messages[-1] == "*** Benchmark ends ***"
    assert len(ran.numbers(r"Iteration: \d forward-backward time: (\S+) ms\.")) == 2


def test_going_back_layer_by_layer_gives_the_gradients_of_going_back_at_once(work: Path) -> None:
    timed, whole = (Net("train_test.prototxt", phase="test", seed=3) for _ in range(2))
    Stopwatch(timed).pass_once()
    loss = whole.run().loss
    assert loss is not None
    loss.backward()
    for mine, theirs in zip(timed.specs, whole.specs, strict=True):
        assert mine.tensor.grad is not None
        np.testing.assert_allclose(mine.tensor.grad.numpy(), theirs.tensor.grad.numpy(), rtol=1e-5, atol=1e-7)
    timed.close()
    whole.close()


def test_a_phase_that_does_not_exist_is_refused(caffe: Run, work: Path) -> None:
    ran = caffe("time", "--model=train_test.prototxt", "--phase=VAL")
    assert ran.code == 2
    assert 'phase must be "TRAIN" or "TEST"' in ran.err
