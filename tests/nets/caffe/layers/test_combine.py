import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


@pytest.mark.parametrize("axis", ["axis: 0", "axis: 1", "axis: -1", "concat_dim: 1"])
def test_concat(alone, opencv, rng, axis):
    a, b = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 2, 3))
    text = f'type: "Concat" concat_param {{ {axis} }}'
    layer = alone(text, a.shape, b.shape)
    joined = np.concatenate([a, b], int(axis.split()[1]))
    np.testing.assert_array_equal(layer(a, b), joined)
    np.testing.assert_allclose(opencv(text, a, others=[b]), joined, rtol=1e-6)
    of = rng.normal(size=joined.shape)
    for gradient, expected in zip(layer.gradients(a, b, of=of), np.split(of, 2, int(axis.split()[1])), strict=True):
        np.testing.assert_array_equal(gradient, expected)


def test_one_blob_is_joined_to_itself(alone, rng):
    x = rng.normal(size=(2, 3))
    np.testing.assert_array_equal(alone('type: "Concat"', x.shape)(x), x)


def test_concat_refuses_what_does_not_fit_and_says_which(alone):
    with pytest.raises(NetworkError, match='cannot join "b" of 2x3x5x5 to "a" of 2x4x6x6 along axis 1'):
        alone('type: "Concat"', (2, 4, 6, 6), (2, 3, 5, 5))
    with pytest.raises(NetworkError, match="cannot join"):
        alone('type: "Concat"', (2, 4, 6), (2, 4))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('type: "Concat" concat_param { axis: 1 concat_dim: 1 }', "both axis and the old concat_dim"),
        ('type: "Concat" concat_param { axis: 2 }', "axis 2, but its input has 2 axes"),
        ('type: "Concat" concat_param { concat_dim: 4 }', "concat_dim 4, but its input has 2 axes"),
        ('type: "Slice" slice_param { axis: 1 slice_dim: 1 }', "both axis and the old slice_dim"),
        ('type: "Slice" slice_param { axis: -3 }', "axis -3, but its input has 2 axes"),
        ('type: "Slice" slice_param { slice_dim: 2 }', "slice_dim 2, but its input has 2 axes"),
    ],
)
def test_one_axis_that_there_is(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(text, (2, 6))


ELTWISE = {
    "": lambda a, b, c: a + b + c,
    "operation: SUM coeff: 1 coeff: -2 coeff: 0.5": lambda a, b, c: a - 2 * b + 0.5 * c,
    "operation: SUM coeff: 0.5 coeff: 1 coeff: 1": lambda a, b, c: 0.5 * a + b + c,
    "operation: PROD": lambda a, b, c: a * b * c,
    "operation: PROD stable_prod_grad: false": lambda a, b, c: a * b * c,
    "operation: MAX": lambda a, b, c: np.maximum(np.maximum(a, b), c),
    "operation: MAX coeff: 2 coeff: 3 coeff: 4": lambda a, b, c: np.maximum(np.maximum(a, b), c),
}


@pytest.mark.parametrize("text", ELTWISE)
def test_eltwise(alone, opencv, rng, text):
    arrays = [rng.normal(size=(2, 3, 4, 2)) for _ in range(3)]
    text = f'type: "Eltwise" eltwise_param {{ {text} }}'
    y = alone(text, *[(2, 3, 4, 2)] * 3)(*arrays)
    np.testing.assert_allclose(y, ELTWISE[text[text.index("{") + 1 : -1].strip()](*arrays), rtol=1e-12)
    if not ("MAX" in text and "coeff" in text):
        np.testing.assert_allclose(y, opencv(text, arrays[0], others=arrays[1:]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("operation", "overwritable"), [("SUM", True), ("PROD", False), ("MAX", False)])
def test_only_a_sum_may_be_overwritten(alone, rng, operation, overwritable):
    """What reads it in place may, where its own backward does not look at what it gave."""
    layer = alone(f'type: "Eltwise" eltwise_param {{ operation: {operation} }}', (2, 3), (2, 3))
    assert layer.layer.overwritable is overwritable
    a, b = (torch.tensor(rng.normal(size=(2, 3)), requires_grad=True) for _ in range(2))
    if overwritable:
        torch.relu_(layer.differentiable(a, b)).sum().backward()
        np.testing.assert_array_equal(a.grad, a.detach() + b.detach() > 0)


@pytest.mark.parametrize("stable", ["true", "false"])
def test_the_gradient_of_a_product_is_the_product_of_the_others(alone, rng, stable):
    a, b, c = arrays = [rng.normal(size=(2, 3)) for _ in range(3)]
    a[0, 0] = 0
    of = rng.normal(size=(2, 3))
    layer = alone(f'type: "Eltwise" eltwise_param {{ operation: PROD stable_prod_grad: {stable} }}', *[(2, 3)] * 3)
    for gradient, expected in zip(layer.gradients(*arrays, of=of), (b * c, a * c, a * b), strict=True):
        np.testing.assert_allclose(gradient, of * expected, rtol=1e-12)


def test_the_gradient_of_a_sum_is_its_coefficient(alone, rng):
    arrays = [rng.normal(size=(2, 3)) for _ in range(2)]
    gradients = alone('type: "Eltwise" eltwise_param { coeff: -3 coeff: 0.5 }', (2, 3), (2, 3)).gradients(*arrays)
    np.testing.assert_array_equal(gradients, [np.full((2, 3), -3.0), np.full((2, 3), 0.5)])


def test_one_input_gets_the_gradient_of_a_maximum(alone):
    """Of the first pair the second in a tie; later ones only if they are larger (catalogue 1.6)."""
    a = np.array([1.0, 1.0, 1.0, 2.0, 0.0, 1.0])
    b = np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    c = np.array([0.0, 0.0, 1.0, 2.0, 1.0, 1.0])
    of = np.arange(1.0, 7)
    gradients = alone('type: "Eltwise" eltwise_param { operation: MAX }', *[(6,)] * 3).gradients(a, b, c, of=of)
    np.testing.assert_array_equal(gradients, [[1, 0, 0, 4, 0, 6], [0, 2, 3, 0, 0, 0], [0, 0, 0, 0, 5, 0]])


def test_eltwise_does_not_broadcast(alone):
    with pytest.raises(NetworkError, match="one shape, not 2x3 and 2x1"):
        alone('type: "Eltwise"', (2, 3), (2, 1))
    with pytest.raises(NetworkError, match="1 bottom blobs and needs 2"):
        alone('type: "Eltwise"', (2, 3))


@pytest.mark.parametrize("settings", ["coeff: 2", "operation: PROD coeff: 1 coeff: 2", "coeff: 1 coeff: 1 coeff: 1"])
def test_eltwise_takes_a_coefficient_for_each_input_of_a_sum(alone, settings):
    with pytest.raises(NetworkError, match="coeff"):
        alone(f'type: "Eltwise" eltwise_param {{ {settings} }}', (2, 3), (2, 3))


@pytest.mark.parametrize("a_shape", [(2, 3), (2, 3, 1, 1)])
def test_axpy_scales_channels_and_adds(alone, rng, a_shape):
    a, x, y = rng.normal(size=a_shape), rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))
    layer, of = alone('type: "Axpy"', a.shape, x.shape, y.shape), rng.normal(size=x.shape)
    sides = a.reshape(2, 3, 1, 1)
    np.testing.assert_allclose(layer(a, x, y), sides * x + y, rtol=1e-12)
    gradients = layer.gradients(a, x, y, of=of)
    np.testing.assert_allclose(gradients[0], (of * x).sum((2, 3)).reshape(a_shape), rtol=1e-9)
    np.testing.assert_allclose(gradients[1], of * sides, rtol=1e-12)
    np.testing.assert_array_equal(gradients[2], of)


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3, 4), (2, 3, 5)), ((2, 4), (2, 3, 4), (2, 3, 4)), ((2, 3, 2), (2, 3, 4), (2, 3, 4))]
)
def test_axpy_needs_one_factor_for_each_channel(alone, shapes):
    with pytest.raises(NetworkError, match="cannot scale"):
        alone('type: "Axpy"', *shapes)


@pytest.mark.parametrize("axis", ["", "axis: 1", "axis: -2", "slice_dim: 1"])
def test_slice(alone, rng, axis):
    x = rng.normal(size=(2, 6, 3))
    text = f'type: "Slice" top: "p" top: "q" top: "r" slice_param {{ slice_point: 1 slice_point: 4 {axis} }}'
    for part, expected in zip(alone(text, x.shape)(x), np.split(x, [1, 4], 1), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_slice_in_equal_parts(alone, rng):
    x = rng.normal(size=(2, 6, 3))
    halves = alone('type: "Slice" top: "p" top: "q"', x.shape)(x)
    np.testing.assert_array_equal(halves, [x[:, :3], x[:, 3:]])
    np.testing.assert_array_equal(alone('type: "Slice"', x.shape)(x), x)


def test_slices_of_the_batch_follow_its_size(alone, rng):
    text = 'type: "Slice" top: "p" top: "q" slice_param { axis: 0 '
    x = rng.normal(size=(6, 2))
    np.testing.assert_array_equal(alone(text + "}", (4, 2))(x), [x[:3], x[3:]])
    first, rest = alone(text + "slice_point: 1 }", (4, 2))(x)
    np.testing.assert_array_equal(first, x[:1])
    np.testing.assert_array_equal(rest, x[1:])
    with pytest.raises(NetworkError, match="cannot cut 5"):
        alone(text + "}", (4, 2))(x[:5])


def test_gradients_of_slices_are_joined(alone, rng):
    x = torch.tensor(rng.normal(size=(2, 5)), requires_grad=True)
    layer = alone('type: "Slice" top: "p" top: "q" slice_param { slice_point: 2 }', (2, 5))
    p, q = layer.differentiable(x)
    (2 * p.sum() + 3 * q.sum()).backward()
    np.testing.assert_array_equal(x.grad, [[2, 2, 3, 3, 3]] * 2)


@pytest.mark.parametrize("points", ["slice_point: 4 slice_point: 1", "slice_point: 1", "slice_point: 1 slice_point: 6"])
def test_slice_points_rise_within_the_axis(alone, points):
    with pytest.raises(NetworkError, match="slice_point"):
        alone(f'type: "Slice" top: "p" top: "q" top: "r" slice_param {{ {points} }}', (2, 6))


def test_equal_parts_must_be_equal(alone):
    with pytest.raises(NetworkError, match="cannot cut 6 into 4"):
        alone('type: "Slice" top: "p" top: "q" top: "r" top: "s"', (2, 6))


def test_split_gives_the_same_and_adds_the_gradients(alone, rng):
    x = rng.normal(size=(2, 3))
    layer = alone('type: "Split" top: "p" top: "q"', x.shape)
    np.testing.assert_array_equal(layer(x), [x, x])
    tensor = torch.tensor(x, requires_grad=True)
    p, q = layer.differentiable(tensor)
    (p.sum() + 4 * q.sum()).backward()
    np.testing.assert_array_equal(tensor.grad, np.full((2, 3), 5.0))
    np.testing.assert_array_equal(alone('type: "Split"', x.shape)(x), x)


def test_silence_takes_all_and_gives_nothing(alone, rng):
    with pytest.raises(NetworkError, match="1 top blobs and needs 0"):
        alone('type: "Silence"', (2, 3))
