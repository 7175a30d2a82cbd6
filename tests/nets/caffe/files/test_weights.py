"""Weights into nets and out of them; OpenCV's dnn is the other reader."""

import cv2
import h5py
import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets import caffe
from gradus.nets.caffe.files.caffemodel import read_caffemodel, read_definition, write_caffemodel
from gradus.nets.caffe.files.weights import copy_blobs, read_weights
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import print_text

IP = """
input: "x" input_shape { dim: 2 dim: 3 }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }
layer { name: "ip2" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 2 } }
"""
SHARED = """
input: "x" input_shape { dim: 2 dim: 3 }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 3 bias_term: false }
  param { name: "w" } }
layer { name: "b/c" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 3 bias_term: false }
  param { name: "w" } }
"""


@pytest.fixture
def make(tmp_path):
    def make(text, *args, **kwargs):
        (tmp_path / "net.prototxt").write_text(text)
        return caffe.Net(tmp_path / "net.prototxt", *args, **kwargs)

    return make


def model(path, **layers):
    message_of = message_class("LayerParameter")
    write_caffemodel(path, "m", [message_of(name=name) for name in layers], layers)
    return path


W, B = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([7, 8], np.float32)


def test_what_does_not_fit_names_the_layer_and_both_shapes(make, tmp_path):
    net = make(IP)
    with pytest.raises(NetworkError, match='layer "ip" has a weight of 2x3, and of 3x2 in the weights') as caught:
        net.copy_from(model(tmp_path / "w", ip=[W.T, B]))
    assert "initialised anew" in caught.value.problem.hint
    with pytest.raises(NetworkError, match='layer "ip" has 2 blobs and 1 in'):
        net.copy_from(model(tmp_path / "w", ip=[W]))
    with pytest.raises(NetworkError, match='layer "ip" has 2 blobs and 0 in'):
        net.copy_from(model(tmp_path / "w", ip=[]))
    with pytest.raises(NetworkError, match='layer "ip" has 2 blobs and 3 in'):
        net.copy_from(model(tmp_path / "w", ip=[W, B, B]))


def test_what_does_not_fit_may_be_initialised_anew(make, tmp_path):
    path = model(tmp_path / "w", ip=[W.T, B], ip2=[np.eye(2), B], other=[W])
    text = IP.replace("num_output: 2", "num_output: 2 bias_filler { value: 5 }")
    net = make(text, path, reinitialise="mismatched")
    assert list(net.copied.kept) == ["ip"]
    np.testing.assert_array_equal(net.params["ip"][1], [5, 5])  # not half of the layer either
    np.testing.assert_array_equal(net.params["ip2"][0], np.eye(2))
    copied = copy_blobs(make(text).layers, read_weights(path), reinitialise="mismatched")
    assert copied.layers == ["ip2"]
    assert "2x3, and of 3x2" in copied.kept["ip"]
    copied = copy_blobs(make(text).layers, read_weights(path), reinitialise=["ip", "ip2"])
    assert (copied.layers, list(copied.kept)) == ([], ["ip", "ip2"])
    with pytest.raises(NetworkError, match='"ip"'):
        copy_blobs(make(text).layers, read_weights(path), reinitialise=["ip2"])


@pytest.mark.parametrize("shape", [(1, 1, 2, 3), (2, 3)])
def test_old_shapes_are_compared_from_the_right(make, tmp_path, shape):
    net = make(IP)
    bias = B.reshape((1,) * (len(shape) - 1) + (2,)) if len(shape) == 4 else B
    assert net.copy_from(model(tmp_path / "w", ip=[W.reshape(shape), bias])) == ["ip"]
    np.testing.assert_array_equal(net.params["ip"][0], W)
    np.testing.assert_array_equal(net.params["ip"][1], B)


@pytest.mark.parametrize("shape", [(1, 2, 3), (2, 3, 1, 1), (6,), (3, 2)])
def test_other_shapes_of_as_many_values_do_not_fit(make, tmp_path, shape):
    with pytest.raises(NetworkError, match="has a weight of 2x3"):
        make(IP).copy_from(model(tmp_path / "w", ip=[W.reshape(shape), B]))


def test_what_was_chosen_for_a_phase_is_not_to_be_chosen_again(make, tmp_path):
    text = IP.replace('name: "ip" ', 'name: "ip" include { stage: "deploy" } exclude { phase: TRAIN } ')
    make(text, stages=["deploy"]).save(tmp_path / "w.caffemodel")
    (layer,) = [layer for layer in read_definition(tmp_path / "w.caffemodel").layer if layer.name == "ip"]
    assert (len(layer.include), len(layer.exclude), layer.inner_product_param.num_output) == (0, 0, 2)


@pytest.mark.parametrize("ending", ["caffemodel", "caffemodel.h5"])
def test_a_net_reads_back_what_it_wrote(make, tmp_path, ending):
    first = make(IP, seed=1)
    for blobs in first.params.values():
        for blob in blobs:
            blob[...] = np.random.default_rng(3).normal(size=blob.shape)
    first.save(tmp_path / f"w.{ending}")
    second = make(IP, tmp_path / f"w.{ending}")
    for name, blobs in first.params.items():
        for mine, theirs in zip(blobs, second.params[name], strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_shared_blobs_are_in_a_caffemodel_twice_and_in_hdf5_once(make, tmp_path):
    net = make(SHARED)
    net.params["a"][0][...] = np.eye(3) * 2
    net.save(tmp_path / "w.caffemodel")
    net.save(tmp_path / "w.h5")
    assert [len(blobs) for blobs in read_caffemodel(tmp_path / "w.caffemodel").layers.values()] == [0, 1, 1]
    with h5py.File(tmp_path / "w.h5") as file:
        assert list(file["data/a"]) == ["0"]
        assert list(file["data/b/c"]) == []
    for name in ("w.caffemodel", "w.h5"):
        again = make(SHARED, tmp_path / name)
        np.testing.assert_array_equal(again.params["b/c"][0], np.eye(3) * 2)
    alone = make(SHARED.replace('param { name: "w" }', ""))
    with pytest.raises(NetworkError, match='layer "b/c" has 1 blobs and 0'):
        alone.copy_from(tmp_path / "w.h5")


# BatchNorm of three Caffes. y = scale * (x - mean) / sqrt(variance + 1e-5) + bias, written out below.

BN = """
input: "x" input_shape { dim: 2 dim: 3 dim: 1 dim: 2 }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s }
layer { name: "relu" type: "ReLU" bottom: "y" top: "z" }
"""
MEAN, VARIANCE, SCALE, BIAS = np.array([[1, -2, 3], [4, 0.5, 2], [2, -1, 0.5], [0.1, 0.2, -0.3]], np.float32)
ONE = np.ones(1, np.float32)
X = np.random.default_rng(4).normal(size=(2, 3, 1, 2)).astype(np.float32)


def normalised(mean=MEAN, variance=VARIANCE, scale=SCALE, bias=BIAS):
    def over(values):
        return np.asarray(values, np.float64)[:, None, None]

    return np.maximum(0, over(scale) * (X - over(mean)) / np.sqrt(over(variance) + 1e-5) + over(bias))


@pytest.mark.parametrize(
    ("text", "blobs", "expected"),
    [
        ("", [MEAN * 7, VARIANCE * 7, ONE * 7], normalised(scale=np.ones(3), bias=np.zeros(3))),
        ("", [MEAN, VARIANCE, ONE, SCALE, BIAS], normalised()),  # NVIDIA 0.16
        ("batch_norm_param { scale_bias: true }", [MEAN, VARIANCE, ONE, SCALE, BIAS], normalised()),
        ("batch_norm_param { scale_filler { value: 1 } }", [SCALE, BIAS, MEAN, VARIANCE, ONE * 55], normalised()),
        ("", [SCALE, BIAS, MEAN, VARIANCE, ONE * 0], normalised()),  # NVIDIA 0.15
        ("", [a.reshape(1, -1, 1, 1) for a in (SCALE, BIAS, MEAN, VARIANCE, ONE)], normalised()),  # its cuDNN layer
    ],
)
def test_batch_norm_of_every_caffe(make, tmp_path, text, blobs, expected):
    net = make(BN % text, model(tmp_path / "w.caffemodel", bn=blobs))
    np.testing.assert_allclose(net.forward(x=X)["z"], expected, rtol=1e-5, atol=1e-6)


def test_a_net_built_without_scale_and_bias_says_how_to_have_them(make, tmp_path):
    path = model(tmp_path / "w.caffemodel", bn=[MEAN, VARIANCE, ONE, SCALE, BIAS])
    with pytest.raises(NetworkError, match='layer "bn" has 3 blobs and 5') as caught:
        make(BN % "").copy_from(path)
    assert "scale_bias: true" in caught.value.problem.hint


def test_one_channel_is_told_by_the_factor_of_one(make, tmp_path):
    text = BN.replace("dim: 3 dim: 1 dim: 2", "dim: 1 dim: 2 dim: 3") % ""
    mean, variance, scale, bias = (np.array([v], np.float32) for v in (3, 4, 2, 0.5))
    for blobs in ([mean, variance, ONE, scale, bias], [scale, bias, mean, variance, ONE]):
        net = make(text, model(tmp_path / "w.caffemodel", bn=blobs))
        expected = np.maximum(0, 2 * (X.reshape(2, 1, 2, 3) - 3.0) / np.sqrt(4 + 1e-5) + 0.5)
        np.testing.assert_allclose(net.forward(x=X.reshape(2, 1, 2, 3))["z"], expected, rtol=1e-5)


def test_nvidias_batch_norm_is_written_for_each_caffe(make, tmp_path):
    net = make(BN % "", model(tmp_path / "w.caffemodel", bn=[MEAN, VARIANCE, ONE, SCALE, BIAS]))
    (note,) = net.save(tmp_path / "bvlc.caffemodel")
    assert '"bn_scale"' in note
    written = read_caffemodel(tmp_path / "bvlc.caffemodel").arrays()
    assert {name: len(blobs) for name, blobs in written.items()} == {"bn": 3, "bn_scale": 2}
    np.testing.assert_array_equal(written["bn_scale"], [SCALE, BIAS])
    definition = read_definition(tmp_path / "bvlc.caffemodel")
    assert [layer.type for layer in definition.layer] == ["Input", "BatchNorm", "Scale", "ReLU"]
    (tmp_path / "bvlc.prototxt").write_text(print_text(definition))
    reader = cv2.dnn.readNetFromCaffe(str(tmp_path / "bvlc.prototxt"), str(tmp_path / "bvlc.caffemodel"))
    reader.setInput(X)
    np.testing.assert_allclose(reader.forward(), normalised(), rtol=1e-4, atol=1e-5)

    assert net.save(tmp_path / "nv.caffemodel", "nvidia") == []
    for found, expected in zip(read_caffemodel(tmp_path / "nv.caffemodel").arrays()["bn"],
                               [MEAN, VARIANCE, ONE, SCALE, BIAS], strict=True):  # fmt: skip
        np.testing.assert_array_equal(found, expected)
    net.save(tmp_path / "nv15.caffemodel", "nvidia-0.15")
    for found, expected in zip(read_caffemodel(tmp_path / "nv15.caffemodel").arrays()["bn"],
                               [SCALE, BIAS, MEAN, VARIANCE, ONE], strict=True):  # fmt: skip
        np.testing.assert_array_equal(found, expected)


def test_bvlcs_batch_norm_for_nvidia_015_has_scale_one_and_bias_zero(make, tmp_path):
    net = make(BN % "", model(tmp_path / "w.caffemodel", bn=[MEAN * 4, VARIANCE * 4, ONE * 4]))
    net.save(tmp_path / "nv15.caffemodel", "nvidia-0.15")
    found = read_caffemodel(tmp_path / "nv15.caffemodel").arrays()["bn"]
    for mine, expected in zip(found, [np.ones(3), np.zeros(3), MEAN, VARIANCE, ONE], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-6)


# OpenCV answers the same

CONVOLUTION = """convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" }
  bias_filler { value: 0.1 } }"""
LAYERS = {
    "convolution": f'layer {{ name: "c" type: "Convolution" bottom: "x" top: "c" {CONVOLUTION} }}',
    "groups": """layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 8 group: 2
        kernel_h: 3 kernel_w: 2 stride: 2 pad_h: 1 pad_w: 0 weight_filler { type: "msra" } } }""",
    "deconvolution": """layer { name: "d" type: "Deconvolution" bottom: "x" top: "d" convolution_param { num_output: 4
        kernel_size: 4 stride: 2 pad: 1 weight_filler { type: "xavier" } } }""",
    "batch normalisation": """layer { name: "b" type: "BatchNorm" bottom: "x" top: "b" }
        layer { name: "s" type: "Scale" bottom: "b" top: "b" scale_param { bias_term: true
          filler { type: "uniform" min: 0.5 max: 2 } bias_filler { type: "uniform" } } }""",
    "prelu": """layer { name: "p" type: "PReLU" bottom: "x" top: "p"
        prelu_param { filler { type: "uniform" min: 0.1 max: 0.5 } } }""",
    "product": """layer { name: "i" type: "InnerProduct" bottom: "x" top: "i" inner_product_param { num_output: 5
        weight_filler { type: "xavier" } bias_filler { type: "uniform" } } }
        layer { name: "m" type: "Softmax" bottom: "i" top: "m" }""",
    "lrn": """layer { name: "l" type: "LRN" bottom: "x" top: "l" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 } }""",
    "pooling": """layer { name: "a" type: "Pooling" bottom: "x" top: "a" pooling_param { pool: AVE kernel_size: 3
        stride: 2 pad: 1 } } layer { name: "m" type: "Pooling" bottom: "a" top: "m"
        pooling_param { kernel_size: 2 stride: 2 } }""",
    "eltwise": f"""layer {{ name: "c" type: "Convolution" bottom: "x" top: "c" {CONVOLUTION} }}
        layer {{ name: "e" type: "Eltwise" bottom: "x" bottom: "c" top: "e" eltwise_param {{ coeff: 0.5 coeff: -2 }} }}
        layer {{ name: "r" type: "ReLU" bottom: "e" top: "r" relu_param {{ negative_slope: 0.1 }} }}""",
    "concat": f"""layer {{ name: "c" type: "Convolution" bottom: "x" top: "c" {CONVOLUTION} }}
        layer {{ name: "k" type: "Concat" bottom: "c" bottom: "x" top: "k" }}
        layer {{ name: "t" type: "TanH" bottom: "k" top: "t" }}""",
}


@pytest.mark.parametrize("text", LAYERS.values(), ids=LAYERS)
def test_opencv_answers_the_same_from_what_we_write(make, tmp_path, rng, text):
    text = f'input: "x" input_shape {{ dim: 1 dim: 4 dim: 9 dim: 7 }}\n{text}'
    net = make(text, seed=6)
    if "b" in net.params:  # statistics of a training: sums over 40 batches
        for blob, values in zip(net.params["b"], (rng.normal(size=4), rng.uniform(0.5, 2, 4), [1.0]), strict=True):
            blob[...] = np.asarray(values) * 40
    x = rng.normal(size=(1, 4, 9, 7)).astype(np.float32)
    (ours,) = net.forward(x=x).values()
    assert np.ptp(ours) > 0.05
    net.save(tmp_path / "w.caffemodel")
    theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / "net.prototxt"), str(tmp_path / "w.caffemodel"))
    theirs.setInput(x)
    np.testing.assert_allclose(ours, theirs.forward(), rtol=1e-4, atol=1e-5)
    # and from the definition inside the caffemodel, Split layers included
    (tmp_path / "inner.prototxt").write_text(print_text(read_definition(tmp_path / "w.caffemodel")))
    theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / "inner.prototxt"), str(tmp_path / "w.caffemodel"))
    theirs.setInput(x)
    np.testing.assert_allclose(ours, theirs.forward(), rtol=1e-4, atol=1e-5)


def test_a_net_has_its_weights_to_itself(make, tmp_path):

    net = make(IP)
    path = model(tmp_path / "w", ip=[W, B])
    net.copy_from(path)
    path.write_bytes(b"\0" * path.stat().st_size)
    np.testing.assert_array_equal(net.params["ip"][0], W)
    assert net.layers["ip"].weight.dtype is torch.float32


def test_half_floats_that_opencv_writes_are_read(make, tmp_path):
    text = 'input: "x" input_shape { dim: 1 dim: 4 dim: 9 dim: 7 }\n' + LAYERS["convolution"]
    net = make(text, seed=8)
    net.save(tmp_path / "w.caffemodel")
    cv2.dnn.shrinkCaffeModel(str(tmp_path / "w.caffemodel"), str(tmp_path / "half.caffemodel"))
    assert (tmp_path / "half.caffemodel").stat().st_size < (tmp_path / "w.caffemodel").stat().st_size
    half = make(text, tmp_path / "half.caffemodel")
    for mine, theirs in zip(net.params["c"], half.params["c"], strict=True):
        np.testing.assert_array_equal(mine.astype(np.float16), theirs)
