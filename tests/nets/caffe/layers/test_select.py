import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def test_samples_in_the_order_asked_for(alone, rng):
    x, places = rng.normal(size=(4, 3, 2)), np.array([3.0, 0.0, 3.0, 1.0, 3.0])
    layer, of = alone('type: "BatchReindex"', x.shape, places.shape), rng.normal(size=(5, 3, 2))
    np.testing.assert_array_equal(layer(x, places), x[[3, 0, 3, 1, 3]])
    gradient, of_places = layer.gradients(x, places, of=of)
    expected = np.stack([of[1], of[3], np.zeros((3, 2)), of[0] + of[2] + of[4]])
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)
    assert of_places is None


@pytest.mark.parametrize("place", [-1.0, 4.0])
def test_samples_that_there_are_not(alone, rng, place):
    layer = alone('type: "BatchReindex"', (4, 3), (2,))
    with pytest.raises(NetworkError, match="outside 0 to 3"):
        layer(rng.normal(size=(4, 3)), np.array([0.0, place]))


def test_places_stand_in_a_row(alone):
    with pytest.raises(NetworkError, match="1 axis and gets 2x1"):
        alone('type: "BatchReindex"', (4, 3), (2, 1))


@pytest.mark.parametrize("selected", [[1, 0, 1, 0.5], [0, 0, 0, 1], [1, 1, 1, 1]])
@pytest.mark.parametrize("shape", [(4,), (4, 1, 1, 1)])
def test_filter_keeps_what_is_selected(alone, rng, selected, shape):
    a, b, keep = rng.normal(size=(4, 3)), rng.normal(size=(4, 2, 2)), np.array(selected, float)
    layer = alone('type: "Filter" top: "p" top: "q"', a.shape, b.shape, shape)
    p, q = layer(a, b, keep.reshape(shape))
    np.testing.assert_array_equal(p, a[keep != 0])
    np.testing.assert_array_equal(q, b[keep != 0])
    x = torch.tensor(a, requires_grad=True)
    layer.differentiable(x, torch.tensor(b), torch.tensor(keep.reshape(shape)))[0].sum().backward()
    np.testing.assert_array_equal(x.grad, np.broadcast_to(keep[:, None] != 0, a.shape))


def test_filter_may_keep_nothing(alone, rng):
    assert alone('type: "Filter"', (4, 3), (4,))(rng.normal(size=(4, 3)), np.zeros(4)).shape == (0, 3)


def test_before_there_are_values_all_pass(alone):
    layer = alone('type: "Filter"', (4, 3), (4,))
    assert layer.differentiable(torch.empty(4, 3, device="meta"), torch.empty(4, device="meta")).shape == (4, 3)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(4, 3), (4, 2), (4,)], "needs 2 tops"),
        ([(4, 3), (4, 2)], "one value a sample"),
        ([(4, 3), (5,)], "cannot select among 4x3"),
    ],
)
def test_filters_that_do_not_fit(alone, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone('type: "Filter"', *shapes)
