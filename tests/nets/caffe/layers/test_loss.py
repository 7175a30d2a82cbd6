import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def softmax(x, axis=1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def reference(x, labels, mode, ignored=None):
    """Catalogue 1.7: scores (N, C, inner), labels (N, inner)."""
    p = softmax(x)
    total, valid = 0.0, 0
    for i in range(x.shape[0]):
        for j in range(x.shape[2]):
            if labels[i, j] == ignored:
                continue
            valid += 1
            total -= np.log(max(p[i, int(labels[i, j]), j], np.finfo(np.float32).tiny))
    count = {"FULL": labels.size, "VALID": valid, "BATCH_SIZE": x.shape[0], "NONE": 1}[mode]
    return total / max(1, count)


@pytest.mark.parametrize("mode", ["FULL", "VALID", "BATCH_SIZE", "NONE"])
@pytest.mark.parametrize("ignored", [None, 2])
@pytest.mark.parametrize("inner", [1, 6])
def test_softmax_loss(alone, rng, mode, ignored, inner):
    x = rng.normal(size=(5, 4, inner))
    labels = rng.integers(0, 4, size=(5, inner)).astype(np.float64)
    ignore = "" if ignored is None else f"ignore_label: {ignored}"
    layer = alone(f'type: "SoftmaxWithLoss" loss_param {{ normalization: {mode} {ignore} }}', x.shape, labels.shape)
    loss = layer(x, labels)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, reference(x, labels, mode, ignored), rtol=1e-9)


@pytest.mark.parametrize(("flag", "mode"), [("true", "VALID"), ("false", "BATCH_SIZE")])
def test_the_old_normalize_flag(alone, rng, flag, mode):
    x, labels = rng.normal(size=(3, 4, 5)), rng.integers(0, 4, size=(3, 5))
    layer = alone(f'type: "SoftmaxWithLoss" loss_param {{ normalize: {flag} }}', x.shape, labels.shape)
    np.testing.assert_allclose(layer(x, labels), reference(x, labels, mode), rtol=1e-9)


def test_nothing_but_ignored_labels_is_no_loss(alone, rng):
    layer = alone('type: "SoftmaxWithLoss" loss_param { ignore_label: 1 }', (3, 4), (3,))
    assert layer(rng.normal(size=(3, 4)), np.ones(3)) == 0


def test_a_hopeless_loss_is_caffes_87_and_still_learns(alone):
    layer = alone('type: "SoftmaxWithLoss"', (1, 2), (1,))
    scores = torch.tensor([[0.0, 1e4]], dtype=torch.float64, requires_grad=True)
    loss = layer.differentiable(scores, torch.tensor([0]))
    loss.backward()
    assert loss.item() == pytest.approx(87.3365, abs=1e-3)
    np.testing.assert_allclose(scores.grad.numpy(), [[-1.0, 1.0]])


def test_the_gradient_is_probability_minus_truth(alone, rng):
    x, labels = rng.normal(size=(6, 5)), rng.integers(0, 5, size=6)
    layer = alone('type: "SoftmaxWithLoss"', x.shape, labels.shape)
    scores = torch.tensor(x, requires_grad=True)
    layer.differentiable(scores, torch.tensor(labels)).backward()
    np.testing.assert_allclose(scores.grad.numpy(), (softmax(x) - np.eye(5)[labels]) / 6, rtol=1e-9)


def test_the_second_top_gives_the_probabilities(alone, rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    layer = alone('type: "SoftmaxWithLoss" top: "loss" top: "p"', x.shape, (3,))
    np.testing.assert_allclose(layer(x, np.zeros(3))[1], softmax(x), rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_along_any_axis(alone, rng, axis):
    x = rng.normal(size=(3, 4, 5))
    layer = alone(f'type: "Softmax" softmax_param {{ axis: {axis} }}', x.shape)
    np.testing.assert_allclose(layer(x), softmax(x, axis), rtol=1e-9)


def accuracy(x, labels, k, ignored=None):
    counted = [(s, int(t)) for s, t in zip(x, labels, strict=True) if t != ignored]
    right = [sum(s[j] >= s[t] for j in range(len(s)) if j != t) < k for s, t in counted]
    return sum(right) / max(1, len(right))


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("ignored", [None, 0])
def test_accuracy_counts_ties_against(alone, rng, k, ignored):
    x = rng.integers(0, 3, size=(40, 6)).astype(np.float64)  # few values: many ties
    labels = rng.integers(0, 6, size=40)
    ignore = "" if ignored is None else f"ignore_label: {ignored}"
    layer = alone(f'type: "Accuracy" accuracy_param {{ top_k: {k} {ignore} }}', x.shape, labels.shape)
    np.testing.assert_allclose(layer(x, labels), accuracy(x, labels, k, ignored), rtol=1e-6)


def test_accuracy_of_each_class(alone):
    x = np.eye(3)[[0, 1, 1, 0]]
    layer = alone('type: "Accuracy" top: "a" top: "each"', (4, 3), (4,))
    overall, each = layer(x, np.array([0, 1, 0, 0]))
    assert overall == pytest.approx(0.75)
    np.testing.assert_allclose(each, [2 / 3, 1, 0], rtol=1e-6)


@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "Accuracy"])
def test_scores_and_labels_must_fit(alone, kind):
    with pytest.raises(NetworkError, match="3 labels") as caught:
        alone(f'type: "{kind}"', (3, 4, 2, 2), (3,))
    assert caught.value.problem.hint
    with pytest.raises(NetworkError, match="1 bottom blobs and needs 2"):
        alone(f'type: "{kind}"', (3, 4))


def test_more_guesses_than_classes(alone):
    with pytest.raises(NetworkError, match="best 5 of 4"):
        alone('type: "Accuracy" accuracy_param { top_k: 5 }', (3, 4), (3,))
