import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.base import Use

T, N, X, S, H = 5, 3, 4, 2, 6  # times, streams, inputs, static inputs, units


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unit(c, gates, on):
    """Catalogue 1.4: i, f, o, g along the last axis."""
    i, f, o, g = np.split(gates, 4, -1)
    c = on[..., None] * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o) * np.tanh(c)


def lstm(x, on, blobs, h, c, static=None):
    """Step by step; `blobs` in Caffe's order."""
    w_x, b, *w_s, w_h = blobs
    tops = []
    for t in range(len(x)):
        gates = x[t].reshape(x.shape[1], -1) @ w_x.T + b + (h * on[t][:, None]) @ w_h.T
        if static is not None:
            gates = gates + static.reshape(len(static), -1) @ w_s[0].T
        c, h = unit(c, gates, on[t])
        tops.append(h)
    return np.stack(tops), h, c


def rnn(x, on, blobs, h, static=None):
    w_x, b, *w_s, w_h, w_o, b_o = blobs
    tops = []
    for t in range(len(x)):
        a = x[t].reshape(x.shape[1], -1) @ w_x.T + b + (h * on[t][:, None]) @ w_h.T
        if static is not None:
            a = a + static.reshape(len(static), -1) @ w_s[0].T
        h = np.tanh(a)
        tops.append(np.tanh(h @ w_o.T + b_o))
    return np.stack(tops), h


def filled(layer, rng):
    """Random blobs, set and returned in the order of the layer."""
    values = {blob.name: rng.normal(size=layer.get(blob.name).shape) for blob in layer.layer.blobs}
    layer.set(**values)
    return list(values.values())


def sequence(rng, *shape):
    on = (rng.uniform(size=shape[:2]) > 0.3).astype(float)
    return rng.normal(size=shape), on


def text(kind, more="", tops='top: "y"'):
    return f'type: "{kind}" {tops} recurrent_param {{ num_output: {H} {more} }}'


@pytest.mark.parametrize("extra", [(X,), (2, 2)])
def test_lstm_step_by_step_and_over_batches(alone, rng, extra):
    layer = alone(text("LSTM"), (T, N, *extra), (T, N))
    blobs = filled(layer, rng)
    assert [b.shape for b in blobs] == [(4 * H, 4), (4 * H,), (4 * H, H)]
    h = c = np.zeros((N, H))
    for _ in range(3):  # the state of each batch is the first one of the next
        x, on = sequence(rng, T, N, *extra)
        expected, h, c = lstm(x, on, blobs, h, c)
        np.testing.assert_allclose(layer(x, on), expected, rtol=1e-10, atol=1e-13)


def test_rnn_step_by_step_and_over_batches(alone, rng):
    layer = alone(text("RNN"), (T, N, X), (T, N))
    blobs = filled(layer, rng)
    assert [b.shape for b in blobs] == [(H, X), (H,), (H, H), (H, H), (H,)]
    h = np.zeros((N, H))
    for _ in range(3):
        x, on = sequence(rng, T, N, X)
        expected, h = rnn(x, on, blobs, h)
        np.testing.assert_allclose(layer(x, on), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_a_static_input_is_added_at_every_step(alone, rng, kind):
    layer = alone(text(kind), (T, N, X), (T, N), (N, S))
    blobs = filled(layer, rng)
    (x, on), static, zero = sequence(rng, T, N, X), rng.normal(size=(N, S)), np.zeros((N, H))
    assert blobs[2].shape == (blobs[0].shape[0], S)
    expected = lstm(x, on, blobs, zero, zero, static)[0] if kind == "LSTM" else rnn(x, on, blobs, zero, static)[0]
    np.testing.assert_allclose(layer(x, on, static), expected, rtol=1e-10, atol=1e-13)


def test_exposed_states_come_in_and_go_out(alone, rng):
    tops = 'top: "y" top: "h" top: "c"'
    layer = alone(text("LSTM", "expose_hidden: true", tops), (T, N, X), (T, N), (1, N, H), (1, N, H))
    blobs = filled(layer, rng)
    (x, on), h, c = sequence(rng, T, N, X), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    for _ in range(2):  # nothing is carried over
        for top, wanted in zip(layer(x, on, h[None], c[None]), lstm(x, on, blobs, h, c), strict=True):
            np.testing.assert_allclose(top.reshape(wanted.shape), wanted, rtol=1e-10, atol=1e-13)
    layer = alone(text("RNN", "expose_hidden: true", 'top: "y" top: "h"'), (T, N, X), (T, N), (N, S), (1, N, H))
    blobs = filled(layer, rng)
    static = rng.normal(size=(N, S))
    for top, wanted in zip(layer(x, on, static, h[None]), rnn(x, on, blobs, h, static), strict=True):
        np.testing.assert_allclose(top.reshape(wanted.shape), wanted, rtol=1e-10, atol=1e-13)
    assert layer(x, on, static, h[None])[1].shape == (1, N, H)


def test_without_carried_state_torch_gives_the_same(alone, rng):
    """torch.nn.LSTM has its gates in the order i, f, g, o and two biases."""
    layer = alone(text("LSTM"), (T, N, X), (T, N))
    w_x, b, w_h = filled(layer, rng)
    order = np.r_[0 : 2 * H, 3 * H : 4 * H, 2 * H : 3 * H]
    peer = torch.nn.LSTM(X, H).double()
    with torch.no_grad():
        for name, value in (("weight_ih_l0", w_x), ("weight_hh_l0", w_h), ("bias_ih_l0", b), ("bias_hh_l0", 0 * b)):
            getattr(peer, name).copy_(torch.tensor(value[order]))
    x = rng.normal(size=(T, N, X))
    on = np.ones((T, N))
    on[0] = 0
    np.testing.assert_allclose(layer(x, on), peer(torch.tensor(x))[0].detach(), rtol=1e-10, atol=1e-13)


def test_each_phase_carries_its_own_state_and_sizes_may_change(alone, rng):
    layer = alone(text("LSTM"), (T, N, X), (T, N))
    blobs, zero = filled(layer, rng), np.zeros((N, H))
    x, on = sequence(rng, T, N, X)
    on[0] = 1
    layer(x, on)
    other = layer.layer.step(Use())
    fresh = lstm(x, on, blobs, zero, zero)
    np.testing.assert_allclose(other(torch.tensor(x), torch.tensor(on)).detach(), fresh[0], rtol=1e-10)
    longer, more = sequence(rng, T + 4, N, X)
    expected = lstm(longer, more, blobs, *fresh[1:])[0]
    np.testing.assert_allclose(other(torch.tensor(longer), torch.tensor(more)).detach(), expected, rtol=1e-10)
    fewer, on = sequence(rng, T, N - 1, X)
    expected = lstm(fewer, on, blobs, zero[1:], zero[1:])[0]
    np.testing.assert_allclose(other(torch.tensor(fewer), torch.tensor(on)).detach(), expected, rtol=1e-10)


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_gradients_reach_inputs_and_weights_but_no_earlier_batch(alone, rng, kind):
    layer = alone(text(kind), (2, N, X), (2, N), (N, S))
    filled(layer, rng)
    on = torch.ones(2, N, dtype=torch.float64)
    on[0] = 0  # so that each call of gradcheck starts a sequence
    x, static = (torch.tensor(rng.normal(size=s), requires_grad=True) for s in ((2, N, X), (N, S)))
    assert torch.autograd.gradcheck(lambda x, s: layer.differentiable(x, on, s), (x, static))
    on[0] = 1
    layer.differentiable(x, on, static)
    second = torch.tensor(rng.normal(size=(2, N, X)), requires_grad=True)
    y = layer.differentiable(second, on, static.detach())
    assert torch.autograd.grad(y.sum(), x, allow_unused=True, retain_graph=True) == (None,)
    weights = [getattr(layer.layer, blob.name) for blob in layer.layer.blobs]
    assert all(g.abs().sum() > 0 for g in torch.autograd.grad(y.sum(), weights))


def test_one_unit(alone, rng):
    c, gates, on = rng.normal(size=(1, N, H)), rng.normal(size=(1, N, 4 * H)), np.array([[1.0, 0, 1]])
    layer = alone('type: "LSTMUnit" top: "c1" top: "h1"', c.shape, gates.shape, on.shape)
    for top, wanted in zip(layer(c, gates, on), unit(c, gates, on), strict=True):
        np.testing.assert_allclose(top, wanted, rtol=1e-12)
    inputs = [torch.tensor(a, requires_grad=True) for a in (c, gates)]
    assert torch.autograd.gradcheck(lambda a, b: layer.differentiable(a, b, torch.tensor(on)), inputs)
    with pytest.raises(NetworkError, match="1xNx4H"):
        alone('type: "LSTMUnit" top: "c1" top: "h1"', (1, 3, 5), (1, 3, 15), (1, 3))


def test_operations_are_counted(alone):
    layer = alone(text("RNN"), (T, N, X), (T, N), (N, S)).layer
    shapes = [(T, N, X), (T, N), (N, S)]
    assert layer.multiply_adds(shapes, [(T, N, H)]) == T * N * (X * H + 2 * H * H) + N * S * H


@pytest.mark.parametrize(
    ("kind", "more", "shapes", "said"),
    [
        ("LSTM", "", ((T, N, X),), "bottom"),
        ("LSTM", "", ((T, N, X), (T, N + 1)), "time x streams"),
        ("LSTM", "", ((T, N, X), (T, N), (N + 1, S)), "static"),
        ("LSTM", "", ((T, N, X), (T, N), (N, S), (1, N, H)), "without expose_hidden"),
        ("RNN", "expose_hidden: true", ((T, N, X), (T, N), (1, N, H)), "with expose_hidden"),
        ("RNN", 'weight_filler { type: "best" }', ((T, N, X), (T, N)), "best"),
    ],
)
def test_settings_that_cannot_work(alone, kind, more, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone(text(kind, more), *shapes)


def test_outputs_are_needed(alone):
    with pytest.raises(NetworkError, match="num_output"):
        alone('type: "LSTM"', (T, N, X), (T, N))
    exposed = text("RNN", "expose_hidden: true", 'top: "y" top: "h"')
    with pytest.raises(NetworkError, match="1x3x6, not 1x3x7"):
        alone(exposed, (T, N, X), (T, N), (1, N, H + 1))
