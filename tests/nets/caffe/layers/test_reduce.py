import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError

REDUCTIONS = {
    "": (lambda rows: rows.sum(-1), np.ones_like),
    "SUM": (lambda rows: rows.sum(-1), np.ones_like),
    "ASUM": (lambda rows: np.abs(rows).sum(-1), np.sign),
    "SUMSQ": (lambda rows: (rows**2).sum(-1), lambda rows: 2 * rows),
    "MEAN": (lambda rows: rows.mean(-1), lambda rows: np.full_like(rows, 1 / rows.shape[-1])),
}


@pytest.mark.parametrize("operation", REDUCTIONS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("coefficient", [1.0, -2.5])
def test_reduction(alone, rng, operation, axis, coefficient):
    x = rng.normal(size=(2, 3, 4))
    x[0, 0, 0] = 0
    named = f"operation: {operation}" if operation else ""
    layer = alone(f'type: "Reduction" reduction_param {{ {named} axis: {axis} coeff: {coefficient} }}', x.shape)
    rows = x.reshape(*x.shape[: axis % 3], -1)
    function, slope = REDUCTIONS[operation]
    assert np.shape(layer(x)) == x.shape[: axis % 3]
    np.testing.assert_allclose(layer(x), coefficient * function(rows), rtol=1e-9)
    of = rng.normal(size=x.shape[: axis % 3])
    expected = coefficient * np.expand_dims(of, -1) * slope(rows)
    np.testing.assert_allclose(layer.gradients(x, of=of)[0], expected.reshape(x.shape), rtol=1e-9)


def test_halves_are_summed_as_floats(alone):
    layer = alone('type: "Reduction"', (1, 3000))
    total = layer.differentiable(torch.ones(1, 3000, dtype=torch.bfloat16))
    assert total.dtype == torch.float32
    assert total.item() == 3000


def test_an_axis_that_there_is_not(alone):
    with pytest.raises(NetworkError, match="axis 3"):
        alone('type: "Reduction" reduction_param { axis: 3 }', (2, 3, 4))


def best(row, count):
    """Sorted by (value, place), the largest first (catalogue 1.6)."""
    pairs = sorted(((value, place) for place, value in enumerate(row)), reverse=True)[:count]
    return [value for value, _ in pairs], [place for _, place in pairs]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("shape", [(5, 8), (5, 2, 4), (5, 2, 2, 2)])
def test_argmax_of_a_sample(alone, rng, count, values, shape):
    x = rng.integers(0, 4, size=shape).astype(float)  # few values: many ties
    y = alone(f'type: "ArgMax" argmax_param {{ top_k: {count} out_max_val: {str(values).lower()} }}', shape)(x)
    assert y.shape == (5, 1 + values, count, *(1,) * (len(shape) - 3))
    for row, found in zip(x.reshape(5, -1), y.reshape(5, 1 + values, count), strict=True):
        expected = best(row, count)
        np.testing.assert_array_equal(found[0], expected[1])
        if values:
            np.testing.assert_array_equal(found[1], expected[0])


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_argmax_along_an_axis(alone, rng, count, values, axis):
    x = rng.integers(0, 4, size=(3, 4, 5)).astype(float)
    text = f'type: "ArgMax" argmax_param {{ axis: {axis} top_k: {count} out_max_val: {str(values).lower()} }}'
    expected = np.apply_along_axis(lambda row: best(row, count)[not values], axis, x)
    np.testing.assert_array_equal(alone(text, x.shape)(x), expected)


def test_places_are_told_apart_also_of_halves(alone):
    layer = alone('type: "ArgMax"', (1, 5000))
    x = torch.zeros(1, 5000, dtype=torch.bfloat16)
    x[0, 4321] = 1
    assert layer.differentiable(x).item() == 4321


@pytest.mark.parametrize(
    ("settings", "said"),
    [("top_k: 13", "best 13 of 12"), ("axis: 1 top_k: 4", "best 4 of 3"), ("top_k: 0", "top_k"), ("axis: 3", "axis 3")],
)
def test_more_than_there_are(alone, settings, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "ArgMax" argmax_param {{ {settings} }}', (2, 3, 4))
