"""pycaffe's Net: blobs between layers, passes over any part of them, gradients of closed forms."""

from __future__ import annotations

import numpy as np
import pytest

SMALL = """
name: "small" force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4
        weight_filler { type: "gaussian" std: 1 } bias_filler { type: "constant" value: 0.5 } } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "twice" type: "Power" bottom: "ip" top: "twice" power_param { scale: 2 } }
layer { name: "thrice" type: "Power" bottom: "ip" top: "thrice" power_param { scale: 3 } }
layer { name: "sum" type: "Eltwise" bottom: "twice" bottom: "thrice" top: "sum" }
"""
TRAINED = """
name: "trained"
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 }
                           data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
layer { name: "first" type: "InnerProduct" bottom: "data" top: "first" param { lr_mult: 0 } param { lr_mult: 0 }
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "second" type: "InnerProduct" bottom: "first" top: "second"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "second" bottom: "label" top: "loss" loss_weight: 3 }
layer { name: "aside" type: "InnerProduct" bottom: "data" top: "aside" inner_product_param { num_output: 1 } }
"""
FIXED = """
name: "fixed" force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 1 kernel_size: 1
        bias_term: false weight_filler { type: "constant" value: 1.5 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
        inner_product_param { num_output: 3 bias_term: false weight_filler { type: "xavier" } } }
"""


@pytest.fixture
def small(caffe, write):
    return caffe.Net(write(SMALL), caffe.TEST)


@pytest.fixture
def trained(caffe, write):
    caffe.set_random_seed(3)
    return caffe.Net(write(TRAINED), caffe.TRAIN)


def test_names_are_caffes_with_those_of_split_layers(small) -> None:
    assert list(small.blobs) == [
        "data", "ip", "ip_relu_0_split_0", "ip_relu_0_split_1", "twice", "thrice", "sum",
    ]  # fmt: skip
    assert small._layer_names == ["data", "ip", "relu", "ip_relu_0_split", "twice", "thrice", "sum"]
    assert (small.inputs, small.outputs, small.name) == (["data"], ["sum"], "small")
    assert list(small.params) == ["ip"]
    assert [blob.shape for blob in small.params["ip"]] == [(4, 3), (4,)]
    assert small.top_names["ip_relu_0_split"] == ["ip_relu_0_split_0", "ip_relu_0_split_1"]
    assert small.bottom_names["sum"] == ["twice", "thrice"]
    assert [layer.type for layer in small.layers][:4] == ["Input", "InnerProduct", "ReLU", "Split"]
    assert small.layer_dict["ip"].blobs[0] is small.params["ip"][0]
    assert (small._inputs, small._outputs, small._bottom_ids(6), small._top_ids(1)) == ([0], [6], [4, 5], [1])
    assert small._blobs[1] is small.blobs["ip"]


def test_forward_gives_views_of_the_outputs(small) -> None:
    x = np.array([[1, 2, 3], [-1, 0, 1]], np.float32)
    weight, bias = (blob.data for blob in small.params["ip"])
    given = small.forward(data=x, blobs=["ip"])
    hidden = np.maximum(x @ weight.T + bias, 0)
    np.testing.assert_allclose(given["sum"], 5 * hidden, rtol=1e-5)
    np.testing.assert_allclose(given["ip"], hidden, rtol=1e-5)
    held = given["sum"]
    weight[...] = 0
    small.forward()
    np.testing.assert_array_equal(held, np.full((2, 4), 2.5))  # a view, and the input stayed


def test_a_pass_begins_and_ends_where_one_likes(small) -> None:
    small.blobs["ip_relu_0_split_0"].data[...] = 7
    small.blobs["thrice"].data[...] = 1
    assert list(small.forward(start="twice", end="twice")) == ["twice"]
    np.testing.assert_array_equal(small.blobs["twice"].data, np.full((2, 4), 14))
    assert small._forward(6, 6) == 0.0
    np.testing.assert_array_equal(small.blobs["sum"].data, np.full((2, 4), 15))
    np.testing.assert_array_equal(small.blobs["ip"].data, np.zeros((2, 4)))  # not run


def test_backward_from_diffs_of_ones_own(small) -> None:
    """sum = 5 relu(x W' + b), so d/dx = 5 (g * on) W, and the split adds up 2 and 3."""
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(2, 4)).astype(np.float32)
    weight, bias = (blob.data for blob in small.params["ip"])
    small.forward(data=x)
    found = small.backward(sum=g, diffs=["twice"])
    on = 5 * g * (x @ weight.T + bias > 0)
    np.testing.assert_allclose(found["data"], on @ weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["twice"], g, rtol=1e-6)
    np.testing.assert_allclose(small.params["ip"][0].diff, on.T @ x, rtol=1e-4, atol=1e-6)
    small.backward(sum=g)  # gradients of weights add up, those of blobs do not
    np.testing.assert_allclose(small.params["ip"][1].diff, 2 * on.sum(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(small.blobs["data"].diff, on @ weight, rtol=1e-4, atol=1e-6)
    small.clear_param_diffs()
    assert not small.params["ip"][0].diff.any()


def test_backward_may_stop_in_the_middle(small) -> None:
    small.forward(data=np.ones((2, 3)))
    small.blobs["twice"].diff[...] = 1
    assert list(small.backward(start="twice", end="twice")) == ["ip_relu_0_split_0"]
    np.testing.assert_array_equal(small.blobs["ip_relu_0_split_0"].diff, np.full((2, 4), 2))
    assert not small.blobs["data"].diff.any()


def test_what_is_written_between_the_layers_is_what_the_next_sees(small) -> None:
    seen = []
    small.before_forward(seen.append)
    small.after_forward(lambda number: small.blobs["ip"].data.fill(3) if number == 2 else None)
    small.after_backward(lambda number: seen.append(-number))
    small.before_backward(lambda number: None)
    np.testing.assert_array_equal(small.forward(data=np.zeros((2, 3)))["sum"], np.full((2, 4), 15))
    small.backward(start="sum", end="thrice")
    assert seen == [*range(7), -6, -5]


def test_inputs_take_other_sizes(small) -> None:
    small.blobs["data"].reshape(5, 3)
    small.reshape()
    assert small.blobs["sum"].shape == (5, 4)
    small.blobs["data"].reshape(1, 3)
    assert small.forward()["sum"].shape == (1, 4)  # without being asked to
    small.blobs["data"].reshape(2, 9)
    with pytest.raises(RuntimeError, match="ip"):
        small.reshape()


def test_layers_after_the_end_need_not_fit_another_size(caffe, write) -> None:
    """A network that classifies gives the features of pictures of any size, as in Caffe."""
    net = caffe.Net(write(FIXED), caffe.TEST)
    weight = net.params["conv"][0].data.reshape(())
    for side in (6, 3):  # larger and smaller than the text says
        picture = np.arange(-4, side * side - 4, dtype=np.float32).reshape(1, 1, side, side)
        net.blobs["data"].reshape(1, 1, side, side)
        net.blobs["data"].data[...] = picture
        np.testing.assert_allclose(net.forward(end="conv")["conv"], weight * picture, rtol=1e-6)
        np.testing.assert_allclose(net.forward(end="relu")["conv"], np.maximum(weight * picture, 0), rtol=1e-6)
        net.blobs["conv"].diff[...] = 1
        net.backward(start="relu")
        np.testing.assert_allclose(net.blobs["data"].diff, weight * (weight * picture > 0), rtol=1e-6)
        with pytest.raises(RuntimeError, match=r'"ip" \(InnerProduct\) has weights that do not fit its input\'s new'):
            net.forward()
    net.blobs["data"].reshape(1, 1, 4, 4)
    net.blobs["data"].data[...] = 2
    conv = np.maximum(np.full(16, 2 * weight), 0)
    np.testing.assert_allclose(net.forward()["ip"][0], net.params["ip"][0].data @ conv, rtol=1e-5, atol=1e-6)


def test_any_number_of_samples_in_batches(small) -> None:
    x = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    weight, bias = (blob.data for blob in small.params["ip"])
    expected = 5 * np.maximum(x @ weight.T + bias, 0)
    found = small.forward_all(data=x, blobs=["ip"])
    np.testing.assert_allclose(found["sum"], expected, rtol=1e-5)
    assert found["ip"].shape == (5, 4)
    g = np.ones((5, 4), np.float32)
    outs, diffs = small.forward_backward_all(data=x, sum=g)
    np.testing.assert_allclose(outs["sum"], expected, rtol=1e-5)
    np.testing.assert_allclose(diffs["data"], 5 * (expected > 0) @ weight, rtol=1e-4)


def test_the_loss_is_weighed_and_its_gradient_is_the_closed_form(trained) -> None:
    """loss = sum (y - t)^2 / 2N with weight 3: d/dy = 3 (y - t) / N; its first diff is the weight."""
    assert trained.blob_loss_weights["loss"] == 3
    assert trained.blobs["loss"].diff == 3
    loss = trained._forward(0, 4)
    y, t = trained.blobs["second"].data.copy(), trained.blobs["label"].data
    np.testing.assert_allclose(loss, 3 * ((y - t) ** 2).sum() / 8, rtol=1e-5)
    trained.backward()
    g = 3 * (y - t) / 4
    np.testing.assert_allclose(trained.params["second"][0].diff, g.T @ trained.blobs["first"].data, rtol=1e-4)
    np.testing.assert_allclose(trained.params["second"][1].diff, g.sum(0), rtol=1e-4)


def test_backward_leaves_out_what_learns_nothing_or_adds_nothing_to_a_loss(trained) -> None:
    trained.forward()
    trained.blobs["aside"].diff[...] = 1
    trained.backward()
    assert not trained.params["first"][0].diff.any()  # its lr_mult is 0
    assert not trained.blobs["first"].diff.any()
    assert not trained.params["aside"][0].diff.any()  # under no loss
    assert not trained.blobs["data"].diff.any()


def test_constants_of_dummy_data_are_the_users_to_change(trained) -> None:
    np.testing.assert_array_equal(trained.blobs["label"].data, np.ones((4, 2)))
    trained.blobs["label"].data[...] = 6
    before = trained.blobs["data"].data.copy()
    trained.forward()
    np.testing.assert_array_equal(trained.blobs["label"].data, np.full((4, 2), 6))
    assert (trained.blobs["data"].data != before).all()  # the others are drawn for each pass


def test_weights_are_shared_saved_and_copied(caffe, write, small, tmp_path) -> None:
    other = caffe.Net(write(SMALL, "other.prototxt"), caffe.TEST)
    assert (other.params["ip"][0].data != small.params["ip"][0].data).any()
    small.save(tmp_path / "w.caffemodel")
    small.save_hdf5(str(tmp_path / "without-ending"))
    for load in (
        lambda net: net.copy_from(str(tmp_path / "w.caffemodel")),
        lambda net: net.load_hdf5(str(tmp_path / "without-ending")),
    ):
        other.params["ip"][0].data[...] = 0
        load(other)
        np.testing.assert_array_equal(other.params["ip"][0].data, small.params["ip"][0].data)
    for arguments, named in (
        ((write(SMALL), str(tmp_path / "w.caffemodel"), caffe.TEST), {}),
        ((write(SMALL), caffe.TEST), {"weights": str(tmp_path / "w.caffemodel")}),
    ):
        net = caffe.Net(*arguments, **named)
        np.testing.assert_array_equal(net.params["ip"][0].data, small.params["ip"][0].data)
    other.share_with(small)
    small.params["ip"][0].data[...] = 9
    np.testing.assert_array_equal(other.params["ip"][0].data, np.full((4, 3), 9))


def test_weights_shared_by_name_in_one_net_are_one_blob(caffe, write) -> None:
    text = """
    force_backward: true
    layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
    layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
            inner_product_param { num_output: 2 bias_term: false weight_filler { type: "xavier" } } }
    layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" }
            inner_product_param { num_output: 2 bias_term: false } }
    """
    net = caffe.Net(write(text), caffe.TRAIN)
    assert net.params["a"][0] is net.params["b"][0]
    w, x = np.array([[1, 2], [3, 4]], np.float32), np.array([[5, 6]], np.float32)
    net.params["b"][0].data[...] = w
    np.testing.assert_array_equal(net.forward(x=x)["b"], x @ w.T @ w.T)
    g = np.array([[1, -1]], np.float32)
    net.backward(b=g)
    np.testing.assert_allclose(net.params["a"][0].diff, g.T @ (x @ w.T) + (g @ w).T @ x)


def test_memory_data_reads_arrays(caffe, write) -> None:
    text = """
    layer { name: "m" type: "MemoryData" top: "data" top: "label"
            memory_data_param { batch_size: 2 channels: 1 height: 1 width: 1 } }
    layer { name: "p" type: "Power" bottom: "data" top: "p" power_param { scale: 10 } }
    """
    net = caffe.Net(write(text), caffe.TEST)
    with pytest.raises(RuntimeError, match="has no data yet"):
        net.forward()
    net.set_input_arrays(np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1), np.arange(4, dtype=np.float32))
    assert [net.forward()["p"].ravel().tolist() for _ in range(3)] == [[0, 10], [20, 30], [0, 10]]
    np.testing.assert_array_equal(net.blobs["label"].data, [0, 1])


def test_a_layer_in_python_is_the_users_own_object(caffe, write, tmp_path, monkeypatch) -> None:
    (tmp_path / "keeping.py").write_text(
        "import caffe\n"
        "class Keeping(caffe.Layer):\n"
        "    def setup(self, b, t): self.given = None\n"
        "    def reshape(self, b, t): t[0].reshape(1)\n"
        "    def forward(self, b, t): t[0].data[...] = self.given\n"
        "    def backward(self, t, down, b): pass\n"
        "class Broken(Keeping):\n"
        "    def setup(self, b, t): raise KeyError('side')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    text = 'layer { name: "k" type: "Python" top: "k" python_param { module: "keeping" layer: "Keeping" } }'
    net = caffe.Net(write(text), caffe.TEST)
    net.layers[0].given = 42
    assert net.forward()["k"] == 42
    with pytest.raises(RuntimeError, match=r'layer "k" .* line 8 of module "keeping" raises KeyError'):
        caffe.Net(write(text.replace('"Keeping"', '"Broken"')), caffe.TEST)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda net: net.forward(other=1), ValueError, "do not match net inputs"),
        (lambda net: net.forward(data=np.zeros((5, 3))), ValueError, "not batch sized"),
        (lambda net: net.forward(data=np.zeros((2, 4))), ValueError, "data holds 2x3 and gets 2x4"),
        (lambda net: net.forward(start="lost"), ValueError, "no layer 'lost'"),
        (lambda net: net.forward(blobs=["lost"]), ValueError, "no blob 'lost'"),
        (lambda net: net.backward(other=1), ValueError, "do not match net outputs"),
        (lambda net: net.backward(sum=np.zeros((5, 4))), ValueError, "not batch sized"),
        (lambda net: net.forward_all(data=np.zeros((4, 4))), ValueError, "gets 2x4"),
        (lambda net: net.set_input_arrays(np.zeros(1), np.zeros(1)), RuntimeError, "MemoryDataLayer"),
        (lambda net: net.copy_from("lost.caffemodel"), RuntimeError, "lost.caffemodel"),
        (lambda net: net.save_hdf5("x", write_diff=True), ValueError, "gradients"),
        (lambda net: type(net)("lost.prototxt", 1), RuntimeError, "lost.prototxt"),
        (lambda net: type(net)("net.prototxt"), TypeError, "needs a phase"),
        (lambda net: type(net)("net.prototxt", 1, 1), TypeError, "not 1"),
    ],
)
def test_what_is_wrong_is_the_error_that_caffes_code_catches(small, wrong, error, said) -> None:
    with pytest.raises(error, match=said):
        wrong(small)
