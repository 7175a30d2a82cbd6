import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.normalisation import AcrossChannels


def across(x, size, alpha, beta, k):
    """Catalogue 1.3, channel by channel."""
    y, reach = np.empty_like(x), (size - 1) // 2
    for c in range(x.shape[1]):
        near = x[:, max(0, c - reach) : c + reach + 1]
        y[:, c] = x[:, c] * (k + alpha / size * (near**2).sum(1)) ** -beta
    return y


def within(x, size, alpha, beta):
    reach = (size - 1) // 2
    squares = np.pad(x**2, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    y = np.empty_like(x)
    for u in range(x.shape[2]):
        for v in range(x.shape[3]):
            mean = squares[:, :, u : u + size, v : v + size].sum((2, 3)) / size**2
            y[:, :, u, v] = x[:, :, u, v] * (1 + alpha * mean) ** -beta
    return y


@pytest.mark.parametrize("size", [1, 3, 5, 11])
@pytest.mark.parametrize("beta", [0.75, 0.5, 0.6])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_across_channels(alone, rng, size, beta, channels):
    x = 3 * rng.normal(size=(2, channels, 4, 3))
    layer = alone(f'type: "LRN" lrn_param {{ local_size: {size} alpha: 0.5 beta: {beta} k: 2 }}', x.shape)
    np.testing.assert_allclose(layer(x), across(x, size, 0.5, np.float32(beta), 2.0), rtol=1e-6)


def test_across_channels_in_single_precision_and_channels_last(rng):
    x = rng.normal(size=(2, 16, 6, 6)).astype(np.float32) * 20
    y = AcrossChannels.apply(torch.tensor(x).to(memory_format=torch.channels_last), 5, 1e-4, 0.75, 1.0)
    np.testing.assert_allclose(y.numpy(), across(x.astype(np.float64), 5, 1e-4, 0.75, 1.0), rtol=1e-5)


def test_across_channels_in_bfloat16_is_as_exact_as_bfloat16_is(rng):
    x = torch.tensor(rng.normal(size=(2, 16, 6, 6)) * 20).bfloat16()
    y = AcrossChannels.apply(x, 5, 1e-2, 0.75, 1.0)
    assert y.dtype == torch.bfloat16
    np.testing.assert_allclose(y.double().numpy(), across(x.double().numpy(), 5, 1e-2, 0.75, 1.0), rtol=0.02)


@pytest.mark.parametrize("beta", [0.75, 0.5, 0.9])
def test_its_own_backward_is_the_derivative(rng, beta):
    x = torch.tensor(rng.normal(size=(2, 6, 3, 2)), requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda t: AcrossChannels.apply(t, 3, 0.7, beta, 1.5), (x,), check_undefined_grad=False
    )


@pytest.mark.parametrize("size", [1, 3, 5])
def test_within_a_channel_k_is_one_and_padding_counts(alone, rng, size):
    x = rng.normal(size=(2, 3, 6, 5))
    text = f"local_size: {size} alpha: 0.5 beta: 0.75 k: 9 norm_region: WITHIN_CHANNEL"
    layer = alone(f'type: "LRN" lrn_param {{ {text} }}', x.shape)
    np.testing.assert_allclose(layer(x), within(x, size, 0.5, 0.75), rtol=1e-9)


@pytest.mark.parametrize("region", ["ACROSS_CHANNELS", "WITHIN_CHANNEL"])
def test_opencv_gives_the_same(alone, opencv, rng, region):
    x = rng.normal(size=(2, 6, 5, 7)).astype(np.float32)
    text = f'type: "LRN" lrn_param {{ local_size: 3 alpha: 0.5 beta: 0.75 norm_region: {region} }}'
    np.testing.assert_allclose(alone(text, x.shape)(x.astype(np.float64)), opencv(text, x), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4, 6), (2, 3)])
@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("variance", [True, False])
def test_mean_and_variance_are_taken_out(alone, rng, shape, across, variance):
    x = rng.normal(3, 2, size=shape)
    rows = x.reshape(shape[0], -1) if across else x.reshape(*shape[:2], -1)
    expected = rows - rows.mean(-1, keepdims=True)
    if variance:
        expected = expected / (rows.std(-1, keepdims=True) + np.float32(0.01).item())
    text = f"across_channels: {across} normalize_variance: {variance} eps: 0.01".lower()
    layer = alone(f'type: "MVN" mvn_param {{ {text} }}', shape)
    np.testing.assert_allclose(layer(x), expected.reshape(shape), rtol=1e-10, atol=1e-13)


def test_a_constant_channel_has_finite_gradients(alone, rng):
    """Catalogue 1.3 with a deviation of 0: (dy - mean(dy)) / eps."""
    x = torch.full((1, 2, 3, 3), 5.0, dtype=torch.float64, requires_grad=True)
    layer = alone('type: "MVN" mvn_param { eps: 0.25 }', (1, 2, 3, 3))
    dy = rng.normal(size=(1, 2, 3, 3))
    (grad,) = torch.autograd.grad(layer.differentiable(x), x, torch.tensor(dy))
    np.testing.assert_allclose(grad, (dy - dy.mean((2, 3), keepdims=True)) / 0.25, rtol=1e-10)
    x = torch.tensor(rng.normal(size=(2, 2, 3, 3)), requires_grad=True)
    layer = alone('type: "MVN"', (2, 2, 3, 3))
    assert torch.autograd.gradcheck(layer.differentiable, (x,), check_undefined_grad=False)


@pytest.mark.parametrize("across", [True, False])
def test_opencv_takes_mean_and_variance_out_too(alone, opencv, rng, across):
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    text = f'type: "MVN" mvn_param {{ across_channels: {str(across).lower()} }}'
    np.testing.assert_allclose(alone(text, x.shape)(x.astype(np.float64)), opencv(text, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_lengths_become_the_scale(alone, rng, spatial, shared):
    x = rng.normal(size=(2, 3, 4, 5))
    text = f"across_spatial: {spatial} channel_shared: {shared} eps: 0.5 scale_filler {{ value: 20 }}".lower()
    layer = alone(f'type: "Normalize" norm_param {{ {text} }}', x.shape)
    assert layer.layer.blobs[0].filler.value == 20
    scale = rng.normal(size=() if shared else 3)
    assert layer.get("weight").shape == (() if shared else (3,))
    layer.set(weight=scale)
    lengths = np.sqrt((x**2).sum((1, 2, 3) if spatial else 1, keepdims=True) + 0.5)
    expected = x / lengths * (scale if shared else scale[:, None, None])
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10)
    t = torch.tensor(x, requires_grad=True)
    assert torch.autograd.gradcheck(layer.differentiable, (t,), check_undefined_grad=False)


def test_a_scale_starts_at_one(alone):
    layer = alone('type: "Normalize"', (2, 3, 4, 5))
    assert layer.layer.blobs[0].filler.value == 1
    assert layer.get("weight").shape == ()


@pytest.mark.parametrize("spatial", [True, False])
def test_opencv_normalises_lengths_too(alone, opencv, rng, spatial):
    """It knows a scale for each channel only where lengths are those of places."""
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    flag = str(spatial).lower()
    text = f'type: "Normalize" norm_param {{ across_spatial: {flag} channel_shared: {flag} }}'
    scale = np.asarray(rng.normal(size=() if spatial else 3))
    layer = alone(text, x.shape)
    layer.set(weight=scale)
    np.testing.assert_allclose(layer(x.astype(np.float64)), opencv(text, x, [scale]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("text", ['type: "MVN"', 'type: "Normalize"'])
def test_bfloat16_is_summed_in_float32(alone, rng, text):
    x = torch.tensor(rng.normal(100, 1, size=(2, 3, 16, 16))).bfloat16()
    layer = alone(text, tuple(x.shape))
    layer.layer.float()
    if "Normalize" in text:
        layer.set(weight=np.ones(()))
    y = layer.differentiable(x)
    assert y.dtype == torch.bfloat16
    exact = layer.differentiable(x.float())
    np.testing.assert_allclose(y.detach().float(), exact.detach(), rtol=0.01, atol=1e-3)


@pytest.mark.parametrize(("text", "said"), [('type: "MVN"', "2 axes"), ('type: "Normalize"', "2 axes")])
def test_channels_are_needed(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(text, (3,))


@pytest.mark.parametrize(("text", "said"), [("local_size: 4", "odd"), ("local_size: 0", "local_size")])
def test_a_window_needs_a_middle(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "LRN" lrn_param {{ {text} }}', (1, 3, 4, 4))
