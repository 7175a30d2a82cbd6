import math

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.base import Use


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# The function of each layer and its derivative (catalogue 1.5).
FUNCTIONS = {
    'type: "ReLU"': (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0)),
    'type: "ReLU" relu_param { negative_slope: 0.25 }': (
        lambda x: np.where(x > 0, x, 0.25 * x),
        lambda x: np.where(x > 0, 1, 0.25),
    ),
    'type: "PReLU"': (lambda x: np.where(x > 0, x, 0.25 * x), lambda x: np.where(x > 0, 1, 0.25)),
    'type: "ReLU6"': (lambda x: np.clip(x, 0, 6), lambda x: 1.0 * ((x > 0) & (x < 6))),
    'type: "ReLU6" relu6_param { negative_slope: 0.1 }': (
        lambda x: np.minimum(np.where(x > 0, x, np.float32(0.1) * x), 6),
        lambda x: np.where(x > 0, 1.0 * (x < 6), np.float32(0.1)),
    ),
    'type: "ELU" elu_param { alpha: 0.5 }': (
        lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1)),
        lambda x: np.where(x > 0, 1, 0.5 * np.exp(x)),
    ),
    'type: "ELU" elu_param { alpha: 1.5 lambda: 1.25 }': (
        lambda x: 1.25 * np.where(x > 0, x, 1.5 * (np.exp(x) - 1)),
        lambda x: 1.25 * np.where(x > 0, 1, 1.5 * np.exp(x)),
    ),
    'type: "Sigmoid"': (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    'type: "TanH"': (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    'type: "Swish"': (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    'type: "Swish" swish_param { beta: 0.5 }': (
        lambda x: x * sigmoid(0.5 * x),
        lambda x: sigmoid(0.5 * x) * (1 + 0.5 * x * (1 - sigmoid(0.5 * x))),
    ),
    'type: "AbsVal"': (np.abs, np.sign),
    'type: "BNLL"': (lambda x: np.log1p(np.exp(x)), sigmoid),
    'type: "Clip" clip_param { min: -1 max: 2 }': (lambda x: np.clip(x, -1, 2), lambda x: 1.0 * ((x >= -1) & (x <= 2))),
}


@pytest.fixture
def values(rng):
    x = 3 * rng.normal(size=(2, 3, 4))
    x[0, 0] = [0, -1, 2, 6]  # the corners
    return x


def start(layer):
    if layer.layer.blobs:
        layer.set(weight=np.full(layer.layer.weight.shape, 0.25))
    return layer


@pytest.mark.parametrize("text", FUNCTIONS)
def test_each_value_for_itself(alone, values, text):
    before = values.copy()
    layer = start(alone(text, values.shape))
    np.testing.assert_allclose(layer(values), FUNCTIONS[text][0](values), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("text", FUNCTIONS)
def test_gradients_also_at_the_corners(alone, values, rng, text):
    layer, of = start(alone(text, values.shape)), rng.normal(size=values.shape)
    expected = of * FUNCTIONS[text][1](values)
    np.testing.assert_allclose(layer.gradients(values, of=of)[0], expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "text", [t for t in FUNCTIONS if not any(n in t for n in ("lambda", "Clip", "PReLU", "beta", "relu6"))]
)
def test_opencv_agrees(alone, opencv, values, text):
    x = values.reshape(2, 3, 2, 2)
    np.testing.assert_allclose(alone(text, x.shape)(x), opencv(text, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("slope", [0, 0.25, -0.5])
def test_in_place_it_overwrites_its_bottom_unless_that_would_hide_the_sign(alone, rng, slope):
    layer = alone(f'type: "ReLU" relu_param {{ negative_slope: {slope} }}', (3, 4)).layer
    x = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    given = x * 1
    y = layer.step(Use(in_place=True))(given)
    assert (y is given) is (slope >= 0)
    y.sum().backward()
    np.testing.assert_allclose(y.detach(), np.where(x.detach() > 0, x.detach(), slope * x.detach()), rtol=1e-12)
    np.testing.assert_array_equal(x.grad, np.where(x.detach() > 0, 1, slope))


@pytest.mark.parametrize("value", [-500.0, 500.0])
def test_what_could_overflow_does_not(alone, value):
    for kind, expected in [("BNLL", max(value, 0)), ("Sigmoid", float(value > 0)), ("Swish", max(value, 0))]:
        assert alone(f'type: "{kind}"', (1,))(np.array([value]))[0] == pytest.approx(expected, abs=1e-30)


def test_prelu_learns_a_slope_for_each_channel(alone, opencv, rng):
    x, of = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))
    slopes = np.array([0.1, -0.2, 0.5])
    layer = alone('type: "PReLU"', x.shape)
    layer.set(weight=slopes)
    sides = slopes[:, None, None]
    np.testing.assert_allclose(layer(x), np.where(x > 0, x, sides * x), rtol=1e-12)
    np.testing.assert_allclose(layer(x), opencv('type: "PReLU"', x, [slopes]), rtol=1e-5)
    np.testing.assert_allclose(layer.gradients(x, of=of)[0], of * np.where(x > 0, 1, sides), rtol=1e-12)
    slope = (of * np.minimum(x, 0)).sum((0, 2, 3))
    np.testing.assert_allclose(layer.layer.weight.grad.numpy(), slope, rtol=1e-9)


def test_prelu_with_one_slope_for_all(alone, rng):
    x = rng.normal(size=(4, 6))
    layer = alone('type: "PReLU" prelu_param { channel_shared: true filler { value: 0.5 } }', x.shape)
    assert layer.get("weight").shape == ()
    assert layer.layer.blobs[0].filler.value == 0.5
    layer.set(weight=np.array(0.5))
    np.testing.assert_allclose(layer(x), np.where(x > 0, x, 0.5 * x), rtol=1e-12)
    layer.gradients(x)
    np.testing.assert_allclose(layer.layer.weight.grad.numpy(), np.minimum(x, 0).sum(), rtol=1e-9)


def test_prelu_slopes_start_at_a_quarter_and_need_channels(alone):
    assert alone('type: "PReLU"', (2, 3)).layer.blobs[0].filler.value == 0.25
    with pytest.raises(NetworkError, match="at least 2 axes"):
        alone('type: "PReLU"', (5,))


def test_threshold_counts_only_what_is_above(alone):
    x = np.array([[-1.0, 0.5, 0.6]])
    layer = alone('type: "Threshold" threshold_param { threshold: 0.5 }', x.shape)
    np.testing.assert_array_equal(layer(x), [[0, 0, 1]])
    assert not layer.differentiable(torch.tensor(x, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("min: 0", "needs a max"),
        ("max: 0", "needs a min"),
        ("", "needs a min"),
        ("min: 2 max: 1", "min 2 above its max 1"),
    ],
)
def test_clip_needs_both_ends(alone, settings, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Clip" clip_param {{ {settings} }}', (2, 3))


@pytest.mark.parametrize("text", FUNCTIONS)
def test_halves_stay_halves_under_autocast(alone, values, text):
    layer = start(alone(text, values.shape))
    layer.builder.module.float()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer.differentiable(torch.tensor(values, dtype=torch.bfloat16))
    assert y.dtype == torch.bfloat16
    np.testing.assert_allclose(y.float().detach(), FUNCTIONS[text][0](values), rtol=0.03, atol=0.03)


def test_infinities_pass_where_they_can(alone):
    x = np.array([-math.inf, math.inf])
    np.testing.assert_array_equal(alone('type: "Clip" clip_param { min: -1 max: 2 }', (2,))(x), [-1, 2])
    np.testing.assert_array_equal(alone('type: "ReLU"', (2,))(x), [0, math.inf])
