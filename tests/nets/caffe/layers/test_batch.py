import numpy as np
import pytest

from gradus.core.errors import NetworkError


def test_training_uses_the_batch_and_keeps_decayed_sums(alone, rng):
    layer = alone('type: "BatchNorm" batch_norm_param { moving_average_fraction: 0.9 }', (4, 3, 2, 2), training=True)
    sums, squares, factor = np.zeros(3), np.zeros(3), 0.0
    for _ in range(3):
        x = rng.normal(2, 3, size=(4, 3, 2, 2))
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        expected = (x - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 1e-5)
        np.testing.assert_allclose(layer(x), expected, rtol=1e-6)
        factor = 0.9 * factor + 1
        sums = 0.9 * sums + mean
        squares = 0.9 * squares + variance * 16 / 15
    np.testing.assert_allclose(layer.get("mean"), sums, rtol=1e-5)
    np.testing.assert_allclose(layer.get("variance"), squares, rtol=1e-5)
    np.testing.assert_allclose(layer.get("factor"), [factor], rtol=1e-6)


def test_afterwards_the_sums_are_divided_by_their_count(alone, rng):
    layer = alone('type: "BatchNorm"', (4, 3, 2, 2))
    x = rng.normal(size=(4, 3, 2, 2))
    np.testing.assert_allclose(layer(x), x / np.sqrt(1e-5), rtol=1e-6)  # a count of 0 means mean and variance 0
    layer.set(mean=np.array([2.0, 4, 6]), variance=np.array([8.0, 2, 4]), factor=np.array([2.0]))
    mean, variance = np.array([1.0, 2, 3])[:, None, None], np.array([4.0, 1, 2])[:, None, None]
    np.testing.assert_allclose(layer(x), (x - mean) / np.sqrt(variance + 1e-5), rtol=1e-6)


def test_statistics_are_not_learned(alone):
    with pytest.raises(NetworkError, match="must not be learned"):
        alone('type: "BatchNorm" param { lr_mult: 1 }', (4, 3, 2, 2))


def test_scale_and_bias(alone, rng):
    x = rng.normal(size=(2, 3, 4, 5))
    w, b = rng.normal(size=3), rng.normal(size=3)
    layer = alone('type: "Scale" scale_param { bias_term: true }', x.shape)
    layer.set(weight=w, bias=b)
    np.testing.assert_allclose(layer(x), x * w[:, None, None] + b[:, None, None], rtol=1e-10)
    layer = alone('type: "Scale" scale_param { axis: 2 num_axes: -1 }', x.shape)
    w = rng.normal(size=(4, 5))
    layer.set(weight=w)
    np.testing.assert_allclose(layer(x), x * w, rtol=1e-10)
    layer = alone('type: "Bias"', x.shape)
    layer.set(weight=b)
    np.testing.assert_allclose(layer(x), x + b[:, None, None], rtol=1e-10)


def test_two_bottoms_multiply(alone, rng):
    x, f = rng.normal(size=(2, 3, 4)), rng.normal(size=(3,))
    np.testing.assert_allclose(alone('type: "Scale"', x.shape, f.shape)(x, f), x * f[:, None], rtol=1e-10)
    with pytest.raises(NetworkError, match="does not fit"):
        alone('type: "Scale"', (2, 3, 4), (5,))
