import numpy as np
import pytest

from gradus.core.errors import NetworkError


def check(layer, x, expected, rng):
    """The values are those expected, and so is where gradients go: each to the value that it belongs to."""
    np.testing.assert_array_equal(layer(x), expected(x))
    of = rng.normal(size=expected(x).shape)
    gradient = np.zeros(x.size)
    np.add.at(gradient, expected(np.arange(x.size).reshape(x.shape)).ravel(), of.ravel())
    np.testing.assert_allclose(layer.gradients(x, of=of)[0], gradient.reshape(x.shape), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("shape { dim: 0 dim: -1 }", (2, 24)),
        ("shape { dim: -1 dim: 4 }", (12, 4)),
        ("shape { dim: 0 dim: 3 dim: 2 dim: 4 }", (2, 3, 2, 4)),
        ("shape { dim: 3 dim: 2 } axis: 1 num_axes: 1", (2, 3, 2, 2, 2)),
        ("shape { dim: 1 } axis: 1 num_axes: 0", (2, 1, 6, 2, 2)),
        ("shape { dim: 1 dim: 1 } axis: -1", (2, 6, 2, 2, 1, 1)),
        ("shape { dim: -1 } axis: -3", (2, 6, 4)),
        ("shape { dim: 48 }", (48,)),
    ],
)
def test_reshape(alone, opencv, rng, text, shape):
    x, layer = rng.normal(size=(2, 6, 2, 2)), f'type: "Reshape" reshape_param {{ {text} }}'
    check(alone(layer, x.shape), x, lambda v: v.reshape(shape), rng)
    if len(shape) > 1 and not any(odd in text for odd in ("axis: -", "num_axes: 0")):  # which OpenCV has not
        np.testing.assert_allclose(opencv(layer, x), x.reshape(shape), rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shape { dim: 2 dim: 0 dim: 2 dim: 4 }", r"2x6x2x2 the shape \[2, 0, 2, 4\]: 48 values do not fit"),
        ("shape { dim: 5 dim: -1 }", "do not fit"),
        ("shape { dim: -1 dim: -1 }", "a single -1"),
        ("shape { dim: -2 }", "a single -1"),
        ("shape { dim: 2 dim: 24 dim: 1 dim: 1 dim: 0 }", "0 to copy one"),
        ("shape { dim: 1 } axis: 5", "axes that its input"),
        ("shape { dim: 1 } axis: -6", "axes that its input"),
        ("shape { dim: 1 } axis: 2 num_axes: 3", "axes that its input"),
        ("shape { dim: 1 } num_axes: -2", "axes that its input"),
        ("", "do not fit"),
    ],
)
def test_shapes_that_cannot_be(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Reshape" reshape_param {{ {text} }}', (2, 6, 2, 2))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("shape { dim: 0 dim: -1 }", (5, 24)),
        ("shape { dim: -1 dim: 4 }", (30, 4)),
        ("shape { dim: 1 dim: 24 dim: -1 }", (1, 24, 5)),
        ("shape { dim: -1 } axis: 2", (5, 6, 4)),
    ],
)
def test_a_batch_of_another_size_is_reshaped_alike(alone, rng, text, shape):
    x = rng.normal(size=(5, 6, 2, 2))
    layer = alone(f'type: "Reshape" reshape_param {{ {text} }}', (2, 6, 2, 2))
    np.testing.assert_array_equal(layer(x), x.reshape(shape))


def test_flatten(alone, rng):
    x = rng.normal(size=(2, 3, 4, 5))
    check(alone('type: "Flatten"', x.shape), x, lambda v: v.reshape(2, 60), rng)
    text = 'type: "Flatten" flatten_param { axis: 0 end_axis: -2 }'
    check(alone(text, x.shape), x, lambda v: v.reshape(24, 5), rng)
    with pytest.raises(NetworkError, match="end_axis before its axis"):
        alone('type: "Flatten" flatten_param { axis: 2 end_axis: 1 }', x.shape)
    with pytest.raises(NetworkError, match="end_axis 4"):
        alone('type: "Flatten" flatten_param { end_axis: 4 }', x.shape)


@pytest.mark.parametrize(("axis", "reps"), [(0, (3, 1, 1)), (1, (1, 3, 1)), (-1, (1, 1, 3))])
def test_tile(alone, rng, axis, reps):
    x = rng.normal(size=(2, 3, 4))
    layer = alone(f'type: "Tile" tile_param {{ axis: {axis} tiles: 3 }}', x.shape)
    check(layer, x, lambda v: np.tile(v, reps), rng)


@pytest.mark.parametrize(
    ("text", "said"), [("", "tiles of at"), ("tiles: -2", "tiles"), ("tiles: 2 axis: 3", "axis 3")]
)
def test_tiles_that_cannot_be(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Tile" tile_param {{ {text} }}', (2, 3, 4))


@pytest.mark.parametrize(
    ("order", "full"), [([0, 2, 3, 1], (0, 2, 3, 1)), ([2], (2, 0, 1, 3)), ([], (0, 1, 2, 3)), ([3, 1], (3, 1, 0, 2))]
)
def test_permute(alone, opencv, rng, order, full):
    x = rng.normal(size=(2, 3, 4, 5))
    text = f'type: "Permute" permute_param {{ {" ".join(f"order: {axis}" for axis in order)} }}'
    check(alone(text, x.shape), x, lambda v: v.transpose(full), rng)
    if len(order) == 4:
        np.testing.assert_allclose(opencv(text, x), x.transpose(full), rtol=1e-6)


@pytest.mark.parametrize("order", ["order: 1 order: 1", "order: 3"])
def test_orders_that_cannot_be(alone, order):
    with pytest.raises(NetworkError, match="orders the axes"):
        alone(f'type: "Permute" permute_param {{ {order} }}', (2, 3, 4))


def dealt(x, groups):
    """Channel j * groups + i is the j-th of group i (ShuffleNet, section 3.1)."""
    size = x.shape[1] // groups
    y = np.empty_like(x)
    for i in range(groups):
        for j in range(size):
            y[:, j * groups + i] = x[:, i * size + j]
    return y


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (2, 6)])
def test_shuffled_channels(alone, rng, groups, shape):
    x = rng.normal(size=shape)
    layer = alone(f'type: "ShuffleChannel" shuffle_channel_param {{ group: {groups} }}', shape)
    check(layer, x, lambda v: dealt(v, groups), rng)


def test_opencv_shuffles_alike(alone, opencv, rng):
    x, text = rng.normal(size=(2, 6, 3, 4)), 'type: "ShuffleChannel" shuffle_channel_param { group: 3 }'
    np.testing.assert_allclose(alone(text, x.shape)(x), opencv(text, x), rtol=1e-6)


@pytest.mark.parametrize("groups", [0, 4])
def test_groups_must_be_equal(alone, groups):
    with pytest.raises(NetworkError, match="group"):
        alone(f'type: "ShuffleChannel" shuffle_channel_param {{ group: {groups} }}', (2, 6, 3, 4))
