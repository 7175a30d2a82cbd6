import math

import numpy as np
import pytest
import torch

from gradus.nets.caffe.layers.fillers import fill, why_not
from gradus.nets.caffe.schema import message_class

SHAPE = (64, 32, 5, 5)
FAN = {0: 32 * 25, 1: 64 * 25, 2: (32 * 25 + 64 * 25) / 2}


def filled(shape=SHAPE, seed=1, **settings):
    tensor = torch.full(shape, 7.0)
    fill(tensor, message_class("FillerParameter")(**settings), torch.Generator().manual_seed(seed))
    return tensor.numpy()


def test_nothing_said_is_zero():
    assert not filled().any()
    assert (filled(type="constant", value=0.25) == 0.25).all()


@pytest.mark.parametrize("norm", [0, 1, 2])
def test_xavier_is_uniform_with_variance_one_over_n(norm):
    x = filled(type="xavier", variance_norm=norm)
    bound = math.sqrt(3 / FAN[norm])
    assert abs(x).max() <= bound * (1 + 1e-6)
    assert x.var() * FAN[norm] == pytest.approx(1, rel=0.03)
    assert np.abs(x).mean() == pytest.approx(bound / 2, rel=0.02)  # as a uniform's


@pytest.mark.parametrize("norm", [0, 1, 2])
def test_msra_is_gaussian_with_variance_two_over_n(norm):
    x = filled(type="msra", variance_norm=norm)
    assert x.var() * FAN[norm] == pytest.approx(2, rel=0.03)
    assert (x**4).mean() / x.var() ** 2 == pytest.approx(3, rel=0.1)  # kurtosis of a gaussian


def test_gaussian_uniform_and_sparse():
    x = filled(type="gaussian", mean=2, std=0.5)
    assert x.mean() == pytest.approx(2, abs=0.02)
    assert x.std() == pytest.approx(0.5, rel=0.02)
    x = filled(type="uniform", min=-1, max=3)
    assert -1 <= x.min() < -0.99 and 2.99 < x.max() <= 3
    x = filled(type="gaussian", sparse=16)
    assert (x != 0).mean() == pytest.approx(16 / 64, rel=0.1)


def test_unit_ball_rows_sum_to_one():
    x = filled((6, 50), type="positive_unitball")
    np.testing.assert_allclose(x.sum(1), 1, rtol=1e-5)
    assert (x >= 0).all()


@pytest.mark.parametrize(("side", "row"), [(4, [0.25, 0.75, 0.75, 0.25]), (2, [0.5, 0.5]), (1, [1.0])])
def test_bilinear_is_a_tent(side, row):
    x = filled((3, 2, side, side), type="bilinear")
    if side > 1:
        f = math.ceil(side / 2)
        c = (side - 1) / (2 * f)
        row = [1 - abs(i / f - c) for i in range(side)]
    np.testing.assert_allclose(x, np.broadcast_to(np.outer(row, row), x.shape), rtol=1e-6)


def test_a_seed_gives_the_same_weights_in_any_layout():
    plain = filled(type="xavier")
    np.testing.assert_array_equal(plain, filled(type="xavier"))
    assert (plain != filled(type="xavier", seed=2)).any()
    other = torch.empty(SHAPE).to(memory_format=torch.channels_last)
    fill(other, message_class("FillerParameter")(type="xavier"), torch.Generator().manual_seed(1))
    np.testing.assert_array_equal(plain, other.numpy())


@pytest.mark.parametrize(("norm", "n"), [(0, 30), (1, 200), (2, 115)])
def test_fans_are_counted_by_axes_whatever_they_mean(alone, norm, n):
    """Catalogue 2.1: n is count / shape[0] or count / shape[1], or their mean."""
    text = f'weight_filler {{ type: "xavier" variance_norm: {norm} }}'
    layers = [
        alone(f'type: "InnerProduct" inner_product_param {{ num_output: 30 transpose: true {text} }}', (2, 200)),
        alone(f'type: "InnerProduct" inner_product_param {{ num_output: 200 {text} }}', (2, 30)),
    ]
    for layer in layers:
        tensor = torch.empty(layer.get("weight").shape)
        assert tensor.shape == (200, 30)
        fill(tensor, layer.layer.blobs[0].filler, torch.Generator().manual_seed(1))
        assert tensor.abs().max() == pytest.approx(math.sqrt(3 / n), rel=0.01)
    deconvolution = filled((8, 4, 6, 6), type="msra", variance_norm=norm)  # 8 inputs, 4 outputs
    assert deconvolution.var() == pytest.approx(2 / {0: 4 * 36, 1: 8 * 36, 2: 6 * 36}[norm], rel=0.1)
    assert filled((1000,), type="xavier", variance_norm=1).max() == pytest.approx(math.sqrt(3 / 1000), rel=0.01)


def test_what_cannot_be_filled():
    filler = message_class("FillerParameter")
    assert "unknown" in (why_not(filler(type="xavierr"), (1,)) or "")
    assert "bilinear" in (why_not(filler(type="bilinear"), (1, 2)) or "")
    assert "finite" in (why_not(filler(type="uniform", max=math.inf), (1,)) or "")
    assert why_not(filler(type="msra"), (1,)) is None
    assert "single number" in (why_not(filler(type="msra"), ()) or "")
    assert "single number" in (why_not(filler(sparse=1, type="gaussian"), ()) or "")
    assert why_not(filler(type="gaussian"), ()) is None
    assert "only a gaussian" in (why_not(filler(type="uniform", sparse=1), (3,)) or "")
    assert "from 0 to the 3" in (why_not(filler(type="gaussian", sparse=4), (3,)) or "")
    assert "from 0 to the 3" in (why_not(filler(type="gaussian", sparse=-2), (3,)) or "")
    assert why_not(filler(type="gaussian", sparse=3), (3,)) is None
