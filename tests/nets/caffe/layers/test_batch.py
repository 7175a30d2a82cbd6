import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.base import Use
from gradus.nets.caffe.layers.batch import from_nvidia_015, to_nvidia_015

SHAPES = [(4, 3, 2, 2), (5, 3), (2, 3, 2, 2, 3), (6,)]


def moments(x):
    """Mean, biased variance and the number of values of each channel (axis 1; one channel where there is none)."""
    x = x[:, None] if x.ndim == 1 else x
    axes = tuple(i for i in range(x.ndim) if i != 1)
    return x.mean(axes), x.var(axes), x.size // x.shape[1]


def normalised(x, mean, variance, eps=1e-5):
    """Catalogue 1.3."""
    if x.ndim == 1:
        return (x - mean) / np.sqrt(variance + eps)
    side = (-1, *[1] * (x.ndim - 2))
    return (x - mean.reshape(side)) / np.sqrt(variance.reshape(side) + eps)


@pytest.mark.parametrize("shape", SHAPES)
def test_training_uses_the_batch_and_keeps_decayed_sums(alone, rng, shape):
    layer = alone('type: "BatchNorm" batch_norm_param { moving_average_fraction: 0.9 }', shape, training=True)
    sums, squares, factor = 0.0, 0.0, 0.0
    for _ in range(3):
        x = rng.normal(2, 3, size=shape)
        mean, variance, m = moments(x)
        np.testing.assert_allclose(layer(x), normalised(x, mean, variance), rtol=1e-9, atol=1e-12)
        decay = float(np.float32(0.9))
        factor = decay * factor + 1
        sums = decay * sums + mean
        squares = decay * squares + variance * m / (m - 1)
    np.testing.assert_allclose(layer.get("mean"), sums, rtol=1e-10)
    np.testing.assert_allclose(layer.get("variance"), squares, rtol=1e-10)
    np.testing.assert_allclose(layer.get("factor"), [factor], rtol=1e-10)


def test_a_single_value_has_no_variance(alone):
    layer = alone('type: "BatchNorm"', (1, 2, 1, 1), training=True)
    np.testing.assert_array_equal(layer(np.array([[[[3.0]], [[4.0]]]])), np.zeros((1, 2, 1, 1)))
    np.testing.assert_array_equal(layer.get("mean"), [3, 4])
    np.testing.assert_array_equal(layer.get("variance"), [0, 0])


@pytest.mark.parametrize("shape", SHAPES)
def test_afterwards_the_sums_are_divided_by_their_count(alone, rng, shape):
    layer = alone('type: "BatchNorm" batch_norm_param { eps: 0.01 }', shape)
    x = rng.normal(size=shape)
    np.testing.assert_allclose(layer(x), x / np.sqrt(0.01), rtol=1e-7)  # a count of 0: mean and variance are 0
    channels = 1 if x.ndim == 1 else 3
    sums, squares = rng.normal(size=channels), rng.uniform(1, 2, size=channels)
    layer.set(mean=sums, variance=squares, factor=np.array([2.0]))
    np.testing.assert_allclose(layer(x), normalised(x, sums / 2, squares / 2, 0.01), rtol=1e-7)


def test_the_text_may_choose_the_statistics(alone, rng):
    x = rng.normal(size=(4, 3, 2, 2))
    fixed = alone('type: "BatchNorm" batch_norm_param { use_global_stats: true }', x.shape, training=True)
    np.testing.assert_allclose(fixed(x), x / np.sqrt(1e-5), rtol=1e-6)
    assert fixed.get("factor") == 0
    batch = alone('type: "BatchNorm" batch_norm_param { use_global_stats: false }', x.shape)
    np.testing.assert_allclose(batch(x), normalised(x, *moments(x)[:2]), rtol=1e-7)


def test_gradients_of_both_ways(alone, rng):
    x = torch.tensor(rng.normal(size=(4, 2, 3)), requires_grad=True)
    layer = alone('type: "BatchNorm"', (4, 2, 3), training=True)
    assert torch.autograd.gradcheck(layer.differentiable, (x,), check_undefined_grad=False)
    layer = alone('type: "BatchNorm"', (4, 2, 3))
    layer.set(mean=np.array([1.0, 2]), variance=np.array([4.0, 9]), factor=np.array([1.0]))
    (grad,) = torch.autograd.grad(layer.differentiable(x).sum(), x)
    np.testing.assert_allclose(grad, np.broadcast_to(1 / np.sqrt(np.array([[[4.0], [9]]]) + 1e-5), (4, 2, 3)))


def test_statistics_are_not_learned(alone):
    with pytest.raises(NetworkError, match="must not be learned"):
        alone('type: "BatchNorm" param { lr_mult: 1 }', (4, 3, 2, 2))
    layer = alone('type: "BatchNorm"' + " param { lr_mult: 0 }" * 3, (4, 3, 2, 2))
    assert layer.builder.specs == []


def test_nvidias_kind_learns_a_scale_and_a_bias(alone, rng):
    text = 'type: "BatchNorm" batch_norm_param { scale_bias: true moving_average_fraction: 0.75 eps: 1e-9 }'
    layer = alone(text, (4, 3, 2, 2), training=True)
    assert [blob.name for blob in layer.layer.blobs] == ["mean", "variance", "factor", "scale", "bias"]
    assert [(spec.name, spec.lr_mult, spec.decay_mult) for spec in layer.builder.specs] == [
        ("it.scale", 1, 1), ("it.bias", 1, 1),
    ]  # fmt: skip
    scale, bias = rng.normal(size=3), rng.normal(size=3)
    layer.set(scale=scale, bias=bias, factor=np.ones(1))
    kept = []
    for i in range(4):
        x = rng.normal(2, 3, size=(4, 3, 2, 2))
        now = moments(x)[:2]
        expected = normalised(x, *now) * scale[:, None, None] + bias[:, None, None]  # eps is 1e-5 at least
        np.testing.assert_allclose(layer(x), expected, rtol=1e-7, atol=1e-9)
        kept = now if i < 2 else [0.75 * old + 0.25 * new for old, new in zip(kept, now, strict=True)]
        np.testing.assert_allclose(layer.get("mean"), kept[0], rtol=1e-9)
        np.testing.assert_allclose(layer.get("variance"), kept[1], rtol=1e-9)
    np.testing.assert_array_equal(layer.get("factor"), [1])


def test_nvidias_kind_averages_on_from_what_was_loaded(alone, rng):
    text = 'type: "BatchNorm" batch_norm_param { scale_bias: true moving_average_fraction: 0.5 }'
    layer = alone(text, (4, 3, 2, 2), training=True)
    layer.set(mean=np.full(3, 8.0), variance=np.full(3, 4.0))
    x = rng.normal(size=(4, 3, 2, 2))
    layer(x)
    np.testing.assert_allclose(layer.get("mean"), 4 + moments(x)[0] / 2)


@pytest.mark.parametrize(
    ("text", "scale", "bias"),
    [
        ("scale_bias: true", 1, 0),
        ("bias_filler { value: 2 }", 1, 2),
        ("scale_filler { value: 3 } bias_filler { value: 2 }", 3, 2),
    ],
)
def test_nvidias_kind_is_known_by_its_fillers(alone, rng, text, scale, bias):
    layer = alone(f'type: "BatchNorm" batch_norm_param {{ {text} }}' + " param { lr_mult: 7 }" * 5, (4, 3, 2, 2))
    fillers = {blob.name: blob.filler.value for blob in layer.layer.blobs}
    assert fillers == {"mean": 0, "variance": 0, "factor": 1, "scale": scale, "bias": bias}
    assert [spec.lr_mult for spec in layer.builder.specs] == [1, 1]  # NVIDIA's layer sets its rates itself
    x = rng.normal(size=(4, 3, 2, 2))
    mean, variance = rng.normal(size=3), rng.uniform(1, 2, size=3)
    layer.set(mean=mean, variance=variance, factor=np.array([5.0]), scale=np.full(3, 2.0), bias=np.ones(3))
    np.testing.assert_allclose(layer(x), normalised(x, mean, variance) * 2 + 1, rtol=1e-9)  # no division by 5


def test_the_order_of_nvidia_015_and_back():
    assert from_nvidia_015(["scale", "bias", "mean", "variance", "factor"]) == [
        "mean", "variance", "factor", "scale", "bias",
    ]  # fmt: skip
    assert from_nvidia_015(to_nvidia_015("mvfsb")) == list("mvfsb")


def test_bfloat16_stays_bfloat16(alone, rng):
    x = rng.normal(size=(4, 3, 5, 5))
    for text in ('type: "BatchNorm"', 'type: "Scale" scale_param { bias_term: true }'):
        layer = alone(text, x.shape, training=True)
        layer.layer.float()
        if "Scale" in text:
            layer.set(weight=np.ones(3), bias=np.zeros(3))
        y = layer.differentiable(torch.tensor(x).bfloat16())
        assert y.dtype == torch.bfloat16
        expected = x if "Scale" in text else normalised(x, *moments(x)[:2])
        np.testing.assert_allclose(y.detach().double().numpy(), expected, atol=0.03)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", ["true", "false"])
def test_a_scale_may_be_taken_into_the_normalisation(alone, rng, training, bias):
    x = torch.tensor(rng.normal(size=(4, 3, 2, 2)), requires_grad=True)
    norm = alone('type: "BatchNorm"', tuple(x.shape), training=training)
    norm.set(mean=np.ones(3), variance=np.full(3, 2.0), factor=np.ones(1))
    scale = alone(f'type: "Scale" scale_param {{ bias_term: {bias} }}', tuple(x.shape))
    scale.set(weight=rng.normal(size=3))
    apart = scale.differentiable(norm.differentiable(x))
    both = norm.layer.followed_by(scale.layer, Use(training=training))(x)
    np.testing.assert_allclose(both.detach(), apart.detach(), rtol=1e-9, atol=1e-12)
    seed = torch.tensor(rng.normal(size=x.shape))
    for one, other in zip(*(torch.autograd.grad(y, [x, scale.layer.weight], seed) for y in (both, apart)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)
    for text in ('type: "Scale" scale_param { axis: 2 }', 'type: "Bias"', 'type: "ReLU"'):
        assert norm.layer.followed_by(alone(text, tuple(x.shape)).layer, Use()) is None
    assert scale.layer.followed_by(norm.layer, Use()) is None


def test_opencv_divides_the_sums_too(alone, opencv, rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    blobs = [rng.normal(size=3), rng.uniform(1, 2, size=3), np.array([4.0])]
    layer = alone('type: "BatchNorm"', x.shape)
    layer.set(**dict(zip(("mean", "variance", "factor"), blobs, strict=True)))
    theirs = opencv('type: "BatchNorm"', x, blobs)
    np.testing.assert_allclose(layer(x.astype(np.float64)), theirs, rtol=1e-5, atol=1e-6)


def test_opencv_knows_nvidias_scale_and_bias(alone, opencv, rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    blobs = {
        "mean": rng.normal(size=3), "variance": rng.uniform(1, 2, size=3), "factor": np.ones(1),
        "scale": rng.normal(size=3), "bias": rng.normal(size=3),
    }  # fmt: skip
    text = 'type: "BatchNorm" batch_norm_param { scale_bias: true }'
    layer = alone(text, x.shape)
    layer.set(**blobs)
    theirs = opencv(text, x, list(blobs.values()))
    np.testing.assert_allclose(layer(x.astype(np.float64)), theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "shape"), [("bias_term: true", (3,)), ("axis: 2 num_axes: 2 bias_term: true", (4, 5))]
)
def test_opencv_scales_the_same(alone, opencv, rng, text, shape):
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    w, b = rng.normal(size=shape), rng.normal(size=shape)
    text = f'type: "Scale" scale_param {{ {text} }}'
    layer = alone(text, x.shape)
    layer.set(weight=w, bias=b)
    np.testing.assert_allclose(layer(x.astype(np.float64)), opencv(text, x, [w, b]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "covered"),
    [("", (1, 2)), ("axis: 2 num_axes: -1", (2, 4)), ("num_axes: 2", (1, 3)), ("axis: -1", (3, 4)),
     ("num_axes: 0", (0, 0)), ("axis: 3 num_axes: 0", (0, 0)), ("axis: 0 num_axes: 2", (0, 2))],
)  # fmt: skip
def test_scale_and_bias_cover_the_axes_they_name(alone, rng, text, covered):
    x = rng.normal(size=(2, 3, 4, 5))
    shape = x.shape[slice(*covered)]
    w, b = rng.normal(size=shape), rng.normal(size=shape)
    side = (*shape, *[1] * (4 - covered[1])) if shape else ()
    layer = alone(f'type: "Scale" scale_param {{ bias_term: true {text} }}', x.shape)
    layer.set(weight=w, bias=b)
    np.testing.assert_allclose(layer(x), x * w.reshape(side) + b.reshape(side), rtol=1e-12, atol=1e-14)
    layer = alone(f'type: "Bias" bias_param {{ {text} }}', x.shape)
    layer.set(weight=b)
    np.testing.assert_allclose(layer(x), x + b.reshape(side), rtol=1e-12)
    assert layer.layer.blobs[0].filler.value == 0
    assert alone(f'type: "Scale" scale_param {{ {text} }}', x.shape).layer.blobs[0].filler.value == 1


@pytest.mark.parametrize(("axis", "shape"), [(1, (3,)), (0, (2, 3)), (0, (2, 3, 4, 5)), (-2, (4, 5)), (1, ()), (0, ())])
def test_a_second_bottom_multiplies_or_is_added(alone, rng, axis, shape):
    x, f = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=shape)
    side = (*shape, *[1] * (4 - axis % 4 - len(shape))) if shape else ()
    layer = alone(f'type: "Scale" scale_param {{ axis: {axis} bias_term: true }}', x.shape, shape)
    assert [blob.name for blob in layer.layer.blobs] == ["bias"]
    b = rng.normal(size=shape)
    layer.set(bias=b)
    np.testing.assert_allclose(layer(x, f), x * f.reshape(side) + b.reshape(side), rtol=1e-12, atol=1e-14)
    layer = alone(f'type: "Bias" bias_param {{ axis: {axis} }}', x.shape, shape)
    np.testing.assert_allclose(layer(x, f), x + f.reshape(side), rtol=1e-12)
    both = [torch.tensor(a, requires_grad=True) for a in (x, f)]
    scale = alone(f'type: "Scale" scale_param {{ axis: {axis} }}', x.shape, shape)
    gradients = torch.autograd.grad(scale.differentiable(*both).sum(), both)
    np.testing.assert_allclose(gradients[0], np.broadcast_to(f.reshape(side), x.shape))
    axes = tuple(i for i in range(4) if not shape or not axis % 4 <= i < axis % 4 + len(shape))
    np.testing.assert_allclose(gradients[1], x.sum(axes), rtol=1e-10)


def test_a_factor_for_each_picture_follows_the_batch(alone, rng):
    """The attention of squeeze-and-excitation networks: (N, C) times (N, C, H, W)."""
    layer = alone('type: "Scale" scale_param { axis: 0 }', (2, 3, 4, 5), (2, 3))
    x, f = torch.tensor(rng.normal(size=(7, 3, 4, 5))), torch.tensor(rng.normal(size=(7, 3)))
    np.testing.assert_allclose(layer.differentiable(x, f), x * f[:, :, None, None])


@pytest.mark.parametrize(
    ("text", "shapes", "said"),
    [
        ("", ((2, 3, 4), (5,)), "does not fit"),
        ("", ((2, 3), (3, 4)), "num_axes|covers"),
        ("axis: 2 num_axes: 2", ((2, 3, 4),), "covers 2 axes"),
        ("num_axes: -2", ((2, 3, 4),), "covers -2 axes"),
        ("axis: 3", ((2, 3, 4),), "axis 3"),
        ('filler { type: "gausian" }', ((2, 3, 4),), "gausian"),
    ],
)
def test_factors_that_do_not_fit(alone, text, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Scale" scale_param {{ {text} }}', *shapes)
