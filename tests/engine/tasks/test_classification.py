"""Scores as classes, and what is counted of them, against numpy."""

import numpy as np
import pytest
import torch

from gradus.core.model import Snapshot
from gradus.engine.tasks.classification import Tally, classes_of

CPU = torch.device("cpu")
SNAPSHOT = Snapshot(name="epoch-00001.00", epoch=1, step=1, bytes=0)


def test_the_most_probable_first() -> None:
    scores = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])
    first, second = classes_of(scores, ["a", "b", "c"], 2)
    assert [(c.label, c.index, pytest.approx(c.probability)) for c in first] == [("b", 1, 0.7), ("c", 2, 0.2)]
    assert second[0].label == "a"


def test_outputs_without_a_name_are_numbered() -> None:
    (only,) = classes_of(torch.tensor([[0.1, 0.9]]), ["a"], 1)
    assert only[0].label == "1"


def test_counts_against_numpy() -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(8), 200).astype(np.float32)
    truth = random.integers(0, 8, 200)
    tally = Tally([str(i) for i in range(8)], CPU)
    for start in range(0, 200, 64):
        tally.add(torch.from_numpy(scores[start : start + 64]), torch.from_numpy(truth[start : start + 64]))
    found = tally.result("val", SNAPSHOT)
    confusion = np.zeros((8, 8), int)
    np.add.at(confusion, (truth, scores.argmax(1)), 1)
    best = np.argsort(-scores, axis=1)[:, :5]
    assert found.confusion == confusion.tolist()
    assert found.top1 == pytest.approx((scores.argmax(1) == truth).mean())
    assert found.top5 == pytest.approx((best == truth[:, None]).any(1).mean())
    assert found.loss == pytest.approx(-np.log(scores[np.arange(200), truth].astype(np.float64)).mean(), rel=1e-6)


def test_a_sure_mistake_costs_what_it_does_in_caffe() -> None:
    """The loss of a probability of 0 is that of FLT_MIN, 87.34, not infinity."""
    tally = Tally(["a", "b"], CPU)
    tally.add(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert tally.result("val", SNAPSHOT).loss == pytest.approx(87.3365, abs=1e-3)


def test_outputs_that_are_no_class_are_counted_as_wrong() -> None:
    tally = Tally(["a", "b"], CPU)
    tally.add(torch.tensor([[0.1, 0.2, 0.7, 0.0], [0.9, 0.1, 0.0, 0.0]]), torch.tensor([0, 0]))
    found = tally.result("val", SNAPSHOT)
    assert found.top1 == 0.5
    assert found.confusion == [[1, 0], [0, 0]]
    assert found.top5 == 1.0
