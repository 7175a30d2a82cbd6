"""A net's gradients, shapes and sharing, against closed forms."""

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.text.prototxt import parse_network

IP = "inner_product_param { num_output: 2 bias_term: false %s }"
INPUT = (
    'layer { name: "in" type: "Input" top: "x" top: "t" '
    "input_param { shape { dim: 3 dim: 4 } shape { dim: 3 dim: 2 } } }"
)
REGRESSION = (
    INPUT
    + f'layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "y" {IP % ""} }}'
    + 'layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }'
    + 'layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" loss_weight: 3 }'
)
TWICE = (
    INPUT
    + f'layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a" {IP % ""} param {{ name: "w" }} }}'
    + f'layer {{ name: "b" type: "InnerProduct" bottom: "x" top: "b" {IP % ""} param {{ name: "w" }} }}'
    + 'layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "y" eltwise_param { coeff: 1 coeff: -3 } }'
)


def net_of(text, **options):
    return Net(parse_network(text)[0], **options)


def fill(net, rng, **scale):
    for name in net.inputs:
        net.values[name].copy_(torch.from_numpy(rng.normal(size=net.shape(name)).astype(np.float32)))
    for arrays in net.params.values():
        for array in arrays:
            array[...] = rng.normal(size=array.shape)


def test_gradients_of_the_weighted_loss(rng):
    net = net_of("force_backward: true " + REGRESSION, phase="train")
    fill(net, rng)
    x, t, w = net.blobs["x"].copy(), net.blobs["t"].copy(), net.params["ip"][0].copy()
    net.compute(grad=True)
    diffs = net.backward()
    before = x @ w.T
    y = np.maximum(before, 0)
    assert net.loss().item() == pytest.approx(3 * ((y - t) ** 2).sum() / 6, rel=1e-5)
    dy = y - t  # 3 * 2 / (2 * 3) of the difference
    np.testing.assert_allclose(net.blobs["y"], y, rtol=1e-5)
    np.testing.assert_allclose(diffs["y"], dy * (before > 0), rtol=1e-5)  # in place: of what it was first
    np.testing.assert_allclose(diffs["x"], (dy * (before > 0)) @ w, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(net.specs[0].tensor.grad, (dy * (before > 0)).T @ x, rtol=1e-4, atol=1e-6)
    assert diffs["loss"].item() == 3


def test_gradients_back_from_any_layer(rng):
    net = net_of("force_backward: true " + REGRESSION)
    fill(net, rng)
    net.compute(grad=True)
    seed = torch.from_numpy(rng.normal(size=(3, 2)).astype(np.float32))
    names = list(net.layers)
    diffs = net.backward({"y": seed}, start=names.index("ip"))
    np.testing.assert_allclose(diffs["x"], seed.numpy() @ net.params["ip"][0], rtol=1e-5)
    assert "loss" not in diffs


def test_inputs_have_gradients_only_where_the_text_forces_them(rng):
    net = net_of(REGRESSION)
    fill(net, rng)
    net.compute(grad=True)
    assert "x" not in net.backward()


def test_a_part_of_the_layers_can_be_run_again(rng):
    net = net_of(REGRESSION)
    fill(net, rng)
    net.compute()
    number = list(net.layers).index("relu")
    net.values["y"].fill_(-1)
    net.compute(number, number + 1)
    np.testing.assert_array_equal(net.blobs["y"], 0 * net.blobs["y"])


def test_layers_run_one_by_one_give_what_they_give_at_once(rng):
    once, single = (net_of(REGRESSION, seed=5) for _ in range(2))
    for name in once.inputs:
        values = torch.from_numpy(rng.normal(size=once.shape(name)).astype(np.float32))
        for net in (once, single):
            net.values[name].copy_(values)
    once.compute()
    for number in range(len(single.layers)):
        single.compute(number, number + 1)
        if list(single.layers)[number] == "ip":
            expected = single.values["x"].numpy() @ single.params["ip"][0].T
            np.testing.assert_allclose(single.blobs["y"], expected, rtol=1e-5, atol=1e-6)  # not yet rectified
    assert once.blobs["loss"] > 0
    for name in once.blobs:
        np.testing.assert_array_equal(single.blobs[name], once.blobs[name])


def test_layers_without_weights_may_share_a_name(rng, tmp_path):
    """Caffe's own mnist_autoencoder calls two of its losses `loss`; a name belongs to the layer with weights."""
    text = REGRESSION.replace('name: "relu"', 'name: "ip"') + (
        'layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "second" }'
    )
    net, plain = net_of(text, seed=3), net_of(REGRESSION, seed=3)
    for name in net.inputs:
        values = torch.from_numpy(rng.normal(size=net.shape(name)).astype(np.float32))
        for each in (net, plain):
            each.values[name].copy_(values)
    for each in (net, plain):
        each.compute()
    np.testing.assert_array_equal(net.blobs["second"], plain.blobs["loss"])
    assert list(net.params) == ["ip"]
    net.save(tmp_path / "net.caffemodel")
    other = net_of(text, seed=4)
    assert other.copy_from(tmp_path / "net.caffemodel") == ["ip"]
    np.testing.assert_array_equal(other.params["ip"][0], net.params["ip"][0])


def test_shared_weights_add_their_gradients(rng):
    net = net_of(TWICE)
    fill(net, rng)
    x, w = net.blobs["x"].copy(), net.params["a"][0].copy()
    net.compute(grad=True)
    np.testing.assert_allclose(net.blobs["y"], x @ w.T * -2, rtol=1e-4, atol=1e-6)
    ones = torch.ones(3, 2)
    net.backward({"y": ones}, start=len(net.layers) - 1)
    assert len(net.specs) == 1
    np.testing.assert_allclose(net.specs[0].tensor.grad, ones.numpy().T @ x * -2, rtol=1e-4, atol=1e-5)
    assert "x_in_0_split_1" in net.blobs


def test_permissive_sharing_needs_equal_counts_only(rng):
    text = TWICE.replace('bottom: "x" top: "b"', 'bottom: "r" top: "b"').replace(
        'layer { name: "b"',
        'layer { name: "r" type: "Reshape" bottom: "x" top: "r" reshape_param '
        '{ shape { dim: 6 dim: 2 } } } layer { name: "b"',
    )
    text = text[: text.index('layer { name: "sum"')]
    text = text.replace('"b" inner_product_param { num_output: 2', '"b" inner_product_param { num_output: 4')
    with pytest.raises(NetworkError, match=r'shares "w" with layer "a", but its weight is 4x2, not 2x4'):
        net_of(text)
    net = net_of(text.replace('param { name: "w" }', 'param { name: "w" share_mode: PERMISSIVE }'))
    fill(net, rng)
    for _ in range(2):  # the second time after the weights were changed in place, as a solver does
        net.compute(grad=True)
        w, x = net.params["a"][0], net.blobs["x"]
        np.testing.assert_allclose(net.blobs["b"], x.reshape(6, 2) @ w.reshape(4, 2).T, rtol=1e-4, atol=1e-6)
        net.specs[0].tensor.grad = None
        net.backward({"b": torch.ones(6, 4)}, start=len(net.layers) - 1)
        expected = (np.ones((4, 6)) @ x.reshape(6, 2)).reshape(2, 4)
        np.testing.assert_allclose(net.specs[0].tensor.grad, expected, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            net.specs[0].tensor.mul_(0.5)


def test_sharers_agree_in_their_rates():
    text = TWICE.replace('param { name: "w" }', 'param { name: "w" lr_mult: 1 }', 1)
    net_of(text)
    with pytest.raises(NetworkError, match="another lr_mult"):
        net_of(text.replace('param { name: "w" }', 'param { name: "w" lr_mult: 2 }'))


def test_inputs_may_change_their_shape_and_weights_stay(rng):
    text = (
        'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 5 } } }'
        'layer { name: "c" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 3 kernel_size: 3 '
        'weight_filler { type: "xavier" } } }'
    )
    net = net_of(text)
    x = rng.normal(size=(1, 2, 8, 6)).astype(np.float32)
    weights = net.params["c"][0].copy()
    net.reshape(x=x.shape)
    assert net.shape("y") == (1, 3, 6, 4)
    y = net.forward(x=x)["y"]
    window = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), axis=(1, 2))
    np.testing.assert_allclose(y[0], np.einsum("chwij,ocij->ohw", window, weights), rtol=1e-4, atol=1e-5)
    ip = 'layer { name: "ip" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 2 } }'
    with pytest.raises(NetworkError, match='"ip"'):
        net_of(text + ip).reshape(x=x.shape)


def test_a_second_net_uses_the_same_weights(rng):
    train, test = net_of(REGRESSION, phase="train", seed=1), net_of(REGRESSION, seed=2)
    train.params["ip"][0][...] = 1
    test.share_with(train)
    np.testing.assert_array_equal(test.params["ip"][0], 1)
    with torch.no_grad():
        train.specs[0].tensor.mul_(5)
    np.testing.assert_array_equal(test.params["ip"][0], 5)
    assert test.specs[0].tensor is train.specs[0].tensor
    other = net_of(
        REGRESSION.replace("num_output: 2", "num_output: 3").replace(
            "shape { dim: 3 dim: 2 }", "shape { dim: 3 dim: 3 }"
        )
    )
    with pytest.raises(NetworkError, match="is to be shared"):
        other.share_with(train)


def test_a_lean_net_gives_outputs_and_loss(rng):
    net, full = net_of(REGRESSION, phase="train", lean=True), net_of(REGRESSION, phase="train")
    for one in (net, full):
        fill(one, np.random.default_rng(3))
    full.compute()
    outputs = net.run()
    assert set(outputs.values) == {"loss"}
    assert outputs.loss.item() == pytest.approx(full.loss().item(), rel=1e-6)
    outputs.loss.backward()
    assert net.specs[0].tensor.grad.abs().sum() > 0


def test_a_layer_may_have_a_phase_of_its_own(rng):
    text = INPUT + 'layer { name: "d" type: "Dropout" bottom: "x" top: "y" phase: %s }'
    test, train = net_of(text % "TEST", phase="train"), net_of(text % "TRAIN", phase="test")
    for net in (test, train):
        net.values["x"].fill_(1)
        net.compute()
    assert (test.blobs["y"] == 1).all()
    assert (train.blobs["y"] != 1).all()  # 0 or 2


def test_losses_need_no_top(rng):
    text = REGRESSION.replace('top: "loss" loss_weight: 3', "")
    text += text[text.rindex("layer {") :].replace('"loss"', '"again"')
    net = net_of(text, phase="train")
    fill(net, rng)
    net.compute(grad=True)
    assert net.outputs == []
    assert net.loss().item() == pytest.approx(2 * ((net.blobs["y"] - net.blobs["t"]) ** 2).sum() / 6, rel=1e-5)
    assert net.backward()["y"].shape == (3, 2)


SCORES = (
    'layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: 3 dim: 4 } shape { dim: 3 } } }'
    'layer { name: "h" type: "Input" top: "h" input_param { shape { dim: 4 dim: 4 } } }'
)


@pytest.mark.parametrize("older", [False, True])
def test_infogain_of_scores_or_of_probabilities(rng, older):
    text = SCORES + 'layer { name: "p" type: "Softmax" bottom: "x" top: "p" }'
    first = "p" if older else "x"
    text += f'layer {{ name: "l" type: "InfogainLoss" bottom: "{first}" bottom: "t" bottom: "h" top: "l" }}'
    text += 'layer { name: "q" type: "Power" bottom: "p" top: "q" }'  # so that a Split stands between
    net = net_of(text)
    x, h, t = rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), [1, 3, 0]
    net.forward(x=x, h=h, t=t)
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    assert net.blobs["l"] == pytest.approx(-(h[t] * np.log(p)).sum() / 3, rel=1e-5)
