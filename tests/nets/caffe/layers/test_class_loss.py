import math

import numpy as np
import pytest
import torch
from torch import nn

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.loss import LogAtLeast

SMALLEST = np.finfo(np.float32).tiny
MODES = ["FULL", "VALID", "BATCH_SIZE", "NONE"]


def softmax(x, axis=1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def divisor(mode, valid, labels, batch):
    """LossParameter (catalogue 1.7)."""
    return max(1, {"FULL": labels, "VALID": valid, "BATCH_SIZE": batch, "NONE": 1}[mode])


def softmax_loss(x, labels, mode="VALID", ignored=None, smoothing=0.0):
    """The loss and its gradient for scores (N, C, inner) and labels (N, inner)."""
    p, total, valid, gradient = softmax(x), 0.0, 0, np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[2]):
            if labels[i, j] == ignored:
                continue
            valid += 1
            true = int(labels[i, j])
            total -= np.log(max(p[i, true, j], SMALLEST))
            gradient[i, :, j] = p[i, :, j] - smoothing / (x.shape[1] * x.shape[2] - 1)
            gradient[i, true, j] -= 1 - smoothing
    count = divisor(mode, valid, labels.size, x.shape[0])
    return total / count, gradient / count


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignored", [None, 2, 255, -1])
@pytest.mark.parametrize("inner", [1, 6])
@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_softmax_loss(alone, rng, mode, ignored, inner, kind):
    x = rng.normal(size=(5, 4, inner))
    labels = rng.integers(0, 4, size=(5, inner)).astype(kind)
    if ignored is not None:
        labels[0, 0] = labels[3, -1] = ignored
    ignore = "" if ignored is None else f"ignore_label: {ignored}"
    layer = alone(f'type: "SoftmaxWithLoss" loss_param {{ normalization: {mode} {ignore} }}', x.shape, labels.shape)
    expected, slope = softmax_loss(x, labels, mode, ignored)
    loss = layer(x, labels)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, expected, rtol=1e-9)
    gradient, of_labels = layer.gradients(x, labels, of=3.0)
    np.testing.assert_allclose(gradient, 3 * slope, rtol=1e-9, atol=1e-15)
    assert of_labels is None


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
@pytest.mark.parametrize("mode", MODES)
def test_classes_along_any_axis(alone, rng, axis, mode):
    """Everything before the axis is the batch, everything behind it is inner."""
    x = rng.normal(size=(3, 4, 5, 3))
    outer, classes, inner = math.prod(x.shape[: axis % 4]), x.shape[axis], math.prod(x.shape[axis % 4 + 1 :])
    labels = rng.integers(0, classes, size=(3, outer * inner // 3))
    text = f'type: "SoftmaxWithLoss" softmax_param {{ axis: {axis} }} loss_param {{ normalization: {mode} }}'
    layer = alone(text, x.shape, labels.shape)
    expected, slope = softmax_loss(x.reshape(outer, classes, inner), labels.reshape(outer, inner), mode)
    np.testing.assert_allclose(layer(x, labels), expected, rtol=1e-9)
    np.testing.assert_allclose(layer.gradients(x, labels)[0], slope.reshape(x.shape), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("flag", "mode"), [("true", "VALID"), ("false", "BATCH_SIZE")])
def test_the_old_normalize_flag(alone, rng, flag, mode):
    x, labels = rng.normal(size=(3, 4, 5)), rng.integers(0, 4, size=(3, 5))
    for more, wanted in (("", mode), ("normalization: NONE", "NONE")):
        layer = alone(f'type: "SoftmaxWithLoss" loss_param {{ normalize: {flag} {more} }}', x.shape, labels.shape)
        np.testing.assert_allclose(layer(x, labels), softmax_loss(x, labels, wanted)[0], rtol=1e-9)


@pytest.mark.parametrize("inner", [1, 3])
@pytest.mark.parametrize("ignored", [-1, 2])
def test_smoothed_labels_change_what_is_learned_and_not_the_loss(alone, rng, inner, ignored):
    x, labels = rng.normal(size=(4, 5, inner)), rng.integers(0, 5, size=(4, inner))
    labels[1, 0] = ignored
    text = f'type: "SoftmaxWithLoss" loss_param {{ label_smoothing: 0.1 ignore_label: {ignored} }}'
    layer = alone(text, x.shape, labels.shape)
    expected, slope = softmax_loss(x, labels, "VALID", ignored, np.float32(0.1))
    np.testing.assert_allclose(layer(x, labels), expected, rtol=1e-9)
    np.testing.assert_allclose(layer.gradients(x, labels)[0], slope, rtol=1e-7, atol=1e-12)


def test_all_of_a_label_cannot_be_smoothed_away(alone):
    with pytest.raises(NetworkError, match="label_smoothing"):
        alone('type: "SoftmaxWithLoss" loss_param { label_smoothing: 1 }', (2, 3), (2,))


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


def test_the_second_top_gives_the_probabilities_and_learns_nothing(alone, rng):
    x = rng.normal(size=(3, 4, 2))
    layer = alone('type: "SoftmaxWithLoss" top: "loss" top: "p"', x.shape, (3, 2))
    np.testing.assert_allclose(layer(x, np.zeros((3, 2)))[1], softmax(x), rtol=1e-12)
    tops = layer.differentiable(torch.tensor(x, requires_grad=True), torch.zeros(3, 2))
    assert [top.requires_grad for top in tops] == [True, False]


def test_a_label_that_is_no_class(alone, rng):
    layer = alone('type: "SoftmaxWithLoss"', (2, 3), (2,))
    with pytest.raises(NetworkError, match="none of its 3 classes, 0 to 2") as caught:
        layer(rng.normal(size=(2, 3)), np.array([0, 3]))
    assert "num_output" in caught.value.problem.hint


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_along_any_axis(alone, opencv, rng, axis):
    x, text = rng.normal(size=(3, 4, 5)), f'type: "Softmax" softmax_param {{ axis: {axis} }}'
    y = alone(text, x.shape)(x)
    np.testing.assert_allclose(y, softmax(x, axis), rtol=1e-9)
    np.testing.assert_allclose(y, opencv(text, x), rtol=1e-5)


def test_softmax_of_large_scores(alone):
    np.testing.assert_allclose(alone('type: "Softmax"', (1, 3))(np.array([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0]])
    with pytest.raises(NetworkError, match="axis 2"):
        alone('type: "Softmax" softmax_param { axis: 2 }', (1, 3))


@pytest.mark.parametrize("mode", [None, *MODES])
@pytest.mark.parametrize("ignored", [None, 0, -1])
def test_sigmoid_cross_entropy(alone, rng, mode, ignored):
    """-(t log s + (1 - t) log(1 - s)); a target of -0.5 or 0.5 has the whole-numbered part 0."""
    x = 5 * rng.normal(size=(4, 3, 2))
    targets = rng.choice([0.0, 0.5, 1.0] if ignored != -1 else [-1.0, 0.25, 1.0], size=x.shape)
    settings = (f"normalization: {mode} " if mode else "") + ("" if ignored is None else f"ignore_label: {ignored}")
    layer = alone(f'type: "SigmoidCrossEntropyLoss" loss_param {{ {settings} }}', x.shape, targets.shape)
    s = 1 / (1 + np.exp(-x))
    counted = np.ones_like(x) if ignored is None else np.trunc(targets) != ignored
    count = divisor(mode or "BATCH_SIZE", counted.sum(), x.size, 4)
    expected = -(counted * (targets * np.log(s) + (1 - targets) * np.log(1 - s))).sum() / count
    np.testing.assert_allclose(layer(x, targets), expected, rtol=1e-9)
    gradient, of_targets = layer.gradients(x, targets)
    np.testing.assert_allclose(gradient, counted * (s - targets) / count, rtol=1e-8, atol=1e-12)
    assert of_targets is None


def test_sigmoid_cross_entropy_takes_whole_numbers_and_other_shapes(alone, rng):
    x, targets = rng.normal(size=(4, 6, 1, 1)), rng.integers(0, 2, size=(4, 6))
    layer = alone('type: "SigmoidCrossEntropyLoss"', x.shape, targets.shape)
    expected = np.log1p(np.exp(-np.where(targets == 1, 1, -1) * x[..., 0, 0])).sum() / 4
    np.testing.assert_allclose(layer(x, targets), expected, rtol=1e-9)
    assert alone('type: "SigmoidCrossEntropyLoss"', (1, 2), (1, 2))(np.array([[1e4, -1e4]]), np.array([[0, 0]])) == 1e4


@pytest.mark.parametrize("norm", ["L1", "L2"])
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1, 1), (6, 2, 3)])
def test_hinge_loss(alone, rng, norm, shape):
    x = rng.normal(size=shape)
    rows = x.reshape(6, -1)
    labels = rng.integers(0, rows.shape[1], size=6)
    signs = np.ones_like(rows)
    signs[np.arange(6), labels] = -1
    missing = np.maximum(0, 1 + signs * rows)
    layer = alone(f'type: "HingeLoss" hinge_loss_param {{ norm: {norm} }}', shape, (6,))
    expected, slope = (missing, np.sign(missing)) if norm == "L1" else (missing**2, 2 * missing)
    np.testing.assert_allclose(layer(x, labels), expected.sum() / 6, rtol=1e-9)
    gradient, of_labels = layer.gradients(x, labels.astype(float))
    np.testing.assert_allclose(gradient, (signs * slope / 6).reshape(shape), rtol=1e-9)
    assert of_labels is None


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1, 1)])
def test_multinomial_logistic_loss(alone, rng, shape):
    p = softmax(rng.normal(size=(4, 3)))
    p[0] = [0, 1, 0]  # the true class has no chance: log(1e-20), and a steep slope
    labels = np.array([0, 2, 1, 1])
    layer = alone('type: "MultinomialLogisticLoss"', shape, (4,))
    true = np.maximum(p[np.arange(4), labels], 1e-20)
    np.testing.assert_allclose(layer(p.reshape(shape), labels), -np.log(true).sum() / 4, rtol=1e-9)
    expected = np.zeros((4, 3))
    expected[np.arange(4), labels] = -1 / true / 4
    np.testing.assert_allclose(layer.gradients(p.reshape(shape), labels)[0], expected.reshape(shape), rtol=1e-9)


def test_the_logarithm_of_what_is_not_too_small_is_the_logarithm():
    x = torch.linspace(0.1, 2, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: LogAtLeast.apply(p, 1e-20), x)


@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "Accuracy"])
def test_scores_and_labels_must_fit(alone, kind):
    with pytest.raises(NetworkError, match="3 labels") as caught:
        alone(f'type: "{kind}"', (3, 4, 2, 2), (3,))
    assert caught.value.problem.hint
    with pytest.raises(NetworkError, match="1 bottom blobs and needs 2"):
        alone(f'type: "{kind}"', (3, 4))


@pytest.mark.parametrize(
    ("kind", "shapes", "said"),
    [
        ("SoftmaxWithLoss", [(2, 3, 2), (4,)], "first axis of both"),
        ("SigmoidCrossEntropyLoss", [(2, 3), (2, 4)], "inputs of one size, not 2x3 and 2x4"),
        ("SigmoidCrossEntropyLoss", [(2, 3), (3, 2)], "first axis of both"),
        ("HingeLoss", [(2, 3), (2, 3)], "one label for each sample, not 3"),
        ("HingeLoss", [(2, 3), (3,)], "first axis of both"),
        ("MultinomialLogisticLoss", [(2, 3), (2, 2)], "one label for each sample, not 2"),
    ],
)
def test_what_cannot_be_compared(alone, kind, shapes, said):
    with pytest.raises(NetworkError) as caught:
        alone(f'type: "{kind}"', *shapes)
    assert said in f"{caught.value.problem.message} {caught.value.problem.hint}"


@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "HingeLoss", "MultinomialLogisticLoss"])
def test_losses_of_halves_are_floats(alone, rng, kind):
    probabilities = softmax(rng.normal(size=(4, 3)))
    labels = rng.integers(0, 2, size=(4, 3) if "Sigmoid" in kind else (4,))
    layer = alone(f'type: "{kind}"', (4, 3), labels.shape)
    halves = torch.tensor(probabilities, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = layer.differentiable(nn.Parameter(halves), torch.tensor(labels))
    assert loss.dtype == torch.float32
    np.testing.assert_allclose(loss.item(), layer(halves.double().numpy(), labels), rtol=1e-5)
