import numpy as np
import pytest

from gradus.core.errors import NetworkError


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat(alone, rng, axis):
    a, b = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 2, 3))
    layer = alone(f'type: "Concat" concat_param {{ axis: {axis} }}', a.shape, b.shape)
    np.testing.assert_array_equal(layer(a, b), np.concatenate([a, b], axis))


def test_concat_refuses_what_does_not_fit_and_says_which(alone):
    with pytest.raises(NetworkError, match='cannot join "b" of 2x3x5x5 to "a" of 2x4x6x6 along axis 1'):
        alone('type: "Concat"', (2, 4, 6, 6), (2, 3, 5, 5))


ELTWISE = {
    "": lambda a, b, c: a + b + c,
    "operation: SUM coeff: 1 coeff: -2 coeff: 0.5": lambda a, b, c: a - 2 * b + 0.5 * c,
    "operation: PROD": lambda a, b, c: a * b * c,
    "operation: MAX": lambda a, b, c: np.maximum(np.maximum(a, b), c),
}


@pytest.mark.parametrize("text", ELTWISE)
def test_eltwise(alone, rng, text):
    arrays = [rng.normal(size=(2, 3, 4)) for _ in range(3)]
    layer = alone(f'type: "Eltwise" eltwise_param {{ {text} }}', *[(2, 3, 4)] * 3)
    np.testing.assert_allclose(layer(*arrays), ELTWISE[text](*arrays), rtol=1e-12)


def test_eltwise_does_not_broadcast(alone):
    with pytest.raises(NetworkError, match="one shape"):
        alone('type: "Eltwise"', (2, 3), (2, 1))
    with pytest.raises(NetworkError, match="coeff"):
        alone('type: "Eltwise" eltwise_param { coeff: 2 }', (2, 3), (2, 3))


def test_slice(alone, rng):
    x = rng.normal(size=(2, 6, 3))
    parts = alone('type: "Slice" top: "p" top: "q" top: "r" slice_param { slice_point: 1 slice_point: 4 }', x.shape)(x)
    for part, expected in zip(parts, np.split(x, [1, 4], 1), strict=True):
        np.testing.assert_array_equal(part, expected)
    halves = alone('type: "Slice" top: "p" top: "q"', x.shape)(x)
    np.testing.assert_array_equal(halves[1], x[:, 3:])


@pytest.mark.parametrize("points", ["slice_point: 4 slice_point: 1", "slice_point: 1", "slice_point: 1 slice_point: 6"])
def test_slice_points_rise_within_the_axis(alone, points):
    with pytest.raises(NetworkError, match="slice_point"):
        alone(f'type: "Slice" top: "p" top: "q" top: "r" slice_param {{ {points} }}', (2, 6))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("shape { dim: 0 dim: -1 }", (2, 24)),
        ("shape { dim: -1 dim: 4 }", (12, 4)),
        ("shape { dim: 2 dim: 0 dim: 2 dim: 4 }", (2, 6, 2, 2)),
        ("shape { dim: 3 dim: 2 } axis: 1 num_axes: 1", (2, 3, 2, 2, 2)),
        ("shape { dim: 1 dim: 1 } axis: -1", (2, 6, 2, 2, 1, 1)),
    ],
)
def test_reshape(alone, rng, text, shape):
    x = rng.normal(size=(2, 6, 2, 2))
    if text == "shape { dim: 2 dim: 0 dim: 2 dim: 4 }":
        with pytest.raises(NetworkError, match="do not fit"):
            alone(f'type: "Reshape" reshape_param {{ {text} }}', x.shape)
        return
    np.testing.assert_array_equal(alone(f'type: "Reshape" reshape_param {{ {text} }}', x.shape)(x), x.reshape(shape))


def test_flatten(alone, rng):
    x = rng.normal(size=(2, 3, 4, 5))
    assert alone('type: "Flatten"', x.shape)(x).shape == (2, 60)
    assert alone('type: "Flatten" flatten_param { axis: 0 end_axis: 2 }', x.shape)(x).shape == (24, 5)
