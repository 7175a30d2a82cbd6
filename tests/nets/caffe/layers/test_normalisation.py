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


@pytest.mark.parametrize(("text", "said"), [("local_size: 4", "odd"), ("local_size: 0", "local_size")])
def test_a_window_needs_a_middle(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "LRN" lrn_param {{ {text} }}', (1, 3, 4, 4))
