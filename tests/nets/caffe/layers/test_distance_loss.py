import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.distance_loss import PairLoss


def smooth(d):
    return np.where(np.abs(d) < 1, 0.5 * d**2, np.abs(d) - 0.5)


# The sum of which function of the difference, and its derivative (catalogue 1.7); both per sample.
DISTANCES = {
    "EuclideanLoss": (lambda d: d**2 / 2, lambda d: d),
    "L1Loss": (np.abs, np.sign),
    "SmoothL1Loss": (smooth, lambda d: np.where(np.abs(d) < 1, d, np.sign(d))),
}


@pytest.mark.parametrize("kind", DISTANCES)
@pytest.mark.parametrize("other", [(4, 6), (4, 2, 3)])
def test_both_sides_learn(alone, rng, kind, other):
    a, b = 2 * rng.normal(size=(4, 6)), rng.normal(size=(4, 6))
    b[0] = a[0]  # the corner of the absolute value
    layer, d = alone(f'type: "{kind}"', a.shape, other), a - b
    function, slope = DISTANCES[kind]
    assert layer(a, b.reshape(other)).shape == ()
    np.testing.assert_allclose(layer(a, b.reshape(other)), function(d).sum() / 4, rtol=1e-9)
    of_a, of_b = layer.gradients(a, b.reshape(other), of=2.0)
    np.testing.assert_allclose(of_a, 2 * slope(d) / 4, rtol=1e-9)
    np.testing.assert_allclose(of_b, -of_a.reshape(other), rtol=1e-12)


@pytest.mark.parametrize("sigma", [1.0, 3.0])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_weighted_differences(alone, rng, sigma, count):
    """Faster R-CNN's form: sum of outside * f(inside * (a - b)) over N, f quadratic below 1 / sigma^2."""
    a, b = rng.normal(size=(4, 6)), rng.normal(size=(4, 6))
    weights = [rng.choice([0.0, 1.0, 0.5], size=(4, 6)) for _ in range(count)]
    inside, outside = [*weights, 1.0, 1.0][:2] if count else (1.0, 1.0)
    text = f'type: "SmoothL1Loss" smooth_l1_loss_param {{ sigma: {sigma} }}'
    layer, d = alone(text, *[(4, 6)] * (2 + count)), inside * (a - b)
    near = np.abs(d) < 1 / sigma**2
    each = np.where(near, 0.5 * (sigma * d) ** 2, np.abs(d) - 0.5 / sigma**2)
    np.testing.assert_allclose(layer(a, b, *weights), (outside * each).sum() / 4, rtol=1e-9)
    of_a, of_b, *of_weights = layer.gradients(a, b, *weights)
    expected = inside * outside * np.where(near, sigma**2 * d, np.sign(d)) / 4
    np.testing.assert_allclose(of_a, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(of_b, -of_a, rtol=1e-12)
    assert of_weights == [None] * count


def test_sigma_is_above_0(alone):
    with pytest.raises(NetworkError, match="sigma 0"):
        alone('type: "SmoothL1Loss" smooth_l1_loss_param { sigma: 0 }', (2, 3), (2, 3))


@pytest.mark.parametrize("kind", DISTANCES)
def test_whole_numbered_targets_and_halves(alone, kind):
    layer = alone(f'type: "{kind}"', (2, 300), (2, 300))
    loss = layer.differentiable(torch.ones(2, 300, dtype=torch.bfloat16), torch.zeros(2, 300, dtype=torch.int64))
    assert loss.dtype == torch.float32
    assert loss.item() == DISTANCES[kind][0](np.ones(300)).sum()


@pytest.mark.parametrize("kind", DISTANCES)
def test_sizes_must_fit(alone, kind):
    with pytest.raises(NetworkError, match="one size, not 2x3 and 2x4"):
        alone(f'type: "{kind}"', (2, 3), (2, 4))
    with pytest.raises(NetworkError, match='compares "a" of 2x3 with "b" of 3x2'):
        alone(f'type: "{kind}"', (2, 3), (3, 2))


def contrastive(a, b, alike, margin, legacy):
    """The loss and the gradient to a, sample by sample."""
    total, gradient = 0.0, np.zeros_like(a)
    for i in range(len(a)):
        d = a[i] - b[i]
        square = d @ d
        if alike[i]:
            total += square
            gradient[i] = d
        elif legacy:
            total += max(margin - square, 0)
            gradient[i] = -d if margin > square else 0
        else:
            distance = np.sqrt(square)
            total += max(margin - distance, 0) ** 2
            gradient[i] = -d * max(margin - distance, 0) / (distance + 1e-4)
    return total / (2 * len(a)), gradient / len(a)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("margin", [1.0, 3.5])
@pytest.mark.parametrize("tail", [(), (1, 1)])
@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_contrastive_loss(alone, rng, legacy, margin, tail, kind):
    a, b = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
    b[:2] = a[:2]  # pairs without a distance, alike and not
    alike = np.array([0, 1, 0, 0, 1, 1, 0, 2]).astype(kind)
    settings = f"margin: {margin} legacy_version: {str(legacy).lower()}"
    layer = alone(
        f'type: "ContrastiveLoss" contrastive_loss_param {{ {settings} }}', (8, 3, *tail), (8, 3, *tail), (8, *tail)
    )
    arrays = a.reshape(8, 3, *tail), b.reshape(8, 3, *tail), alike.reshape(8, *tail)
    expected, slope = contrastive(a, b, alike, margin, legacy)
    np.testing.assert_allclose(layer(*arrays), expected, rtol=1e-9)
    of_a, of_b, of_labels = layer.gradients(*arrays, of=0.5)
    np.testing.assert_allclose(of_a.reshape(8, 3), 0.5 * slope, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(of_b, -of_a, rtol=1e-12)
    assert of_labels is None


@pytest.mark.parametrize("legacy", [False, True])
def test_its_gradient_is_the_derivative_but_for_the_ten_thousandth(rng, legacy):
    difference = torch.tensor(rng.normal(size=(6, 3)) + 1, requires_grad=True)
    alike = torch.tensor([True, False] * 3)
    assert torch.autograd.gradcheck(lambda d: PairLoss.apply(d, alike, 4.0, legacy), difference, atol=2e-3)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(4, 3), (4, 2), (4,)], "one length, not 4x3 with 4x2"),
        ([(4, 3, 2, 1), (4, 3, 2, 1), (4,)], "one length"),
        ([(4,), (4,), (4,)], "one length"),
        ([(4, 3), (4, 3), (4, 2)], "one label for each pair"),
        ([(4, 3), (5, 3), (4,)], "compares"),
    ],
)
def test_pairs_must_fit(alone, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone('type: "ContrastiveLoss"', *shapes)
