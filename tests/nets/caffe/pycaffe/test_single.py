"""One layer by itself."""

from __future__ import annotations

import numpy as np
import pytest

from gradus.nets.caffe.pycaffe.blob import Blob

IP = """
name: "ip" type: "InnerProduct" bottom: "elsewhere"
inner_product_param { num_output: 2 weight_filler { type: "uniform" min: 1 max: 3 } bias_filler { value: 0.5 } }
"""


def test_a_layer_runs_and_goes_back_over_the_callers_blobs(caffe, rng) -> None:
    layer = caffe.create_layer(caffe.LayerParameter(IP))
    assert (layer.type, len(layer.blobs)) == ("InnerProduct", 0)
    bottom, top = Blob(2, 3), Blob(1)
    layer.SetUp([bottom], [top])
    assert top.shape == (2, 2)
    weight, bias = (blob.data for blob in layer.blobs)
    assert ((weight >= 1) & (weight <= 3)).all()
    bottom.data[...] = rng.normal(size=(2, 3))
    assert layer.Forward([bottom], [top]) == 0
    np.testing.assert_allclose(top.data, bottom.data @ weight.T + bias, rtol=1e-5)
    g = top.diff[...] = rng.normal(size=(2, 2)).astype(np.float32)
    layer.Backward([top], [True], [bottom])
    np.testing.assert_allclose(bottom.diff, g @ weight, rtol=1e-5)
    np.testing.assert_allclose(layer.blobs[0].diff, g.T @ bottom.data, rtol=1e-5)
    bottom.diff[...] = 7
    layer.Backward([top], [False], [bottom])
    np.testing.assert_array_equal(bottom.diff, np.full((2, 3), 7))
    bottom.reshape(5, 3)
    layer.Reshape([bottom], [top])
    assert top.shape == (5, 2)


def test_a_loss_is_given(caffe) -> None:
    layer = caffe.create_layer(caffe.LayerParameter("type: 'EuclideanLoss' loss_weight: 2"))
    one, other, top = Blob(4, 1), Blob(4, 1), Blob()
    one.data[...] = 3
    layer.SetUp([one, other], [top])
    assert layer.Forward([one, other], [top]) == 2 * 9 / 2
    top.diff[...] = 2
    layer.Backward([top], [True, True], [one, other])
    np.testing.assert_allclose(one.diff, np.full((4, 1), 2 * 3 / 4))
    np.testing.assert_allclose(other.diff, -one.diff)


def test_parameters_come_as_text_or_as_messages(caffe) -> None:
    message = caffe.proto.caffe_pb2.LayerParameter(type="ReLU", name="r")
    given = caffe.LayerParameter(message)
    assert given.to_python() == message
    given.from_python(caffe.proto.caffe_pb2.LayerParameter(type="TanH"))
    assert given.to_python().type == "TanH"
    with pytest.raises(ValueError, match="no layer's text"):
        caffe.LayerParameter("type ReLU {")
    with pytest.raises(RuntimeError, match="not set up"):
        caffe.create_layer(given).Forward([Blob(1)], [Blob(1)])
    with pytest.raises(RuntimeError, match="unknown type"):
        caffe.create_layer(caffe.LayerParameter("type: 'Nothing'")).SetUp([Blob(1)], [Blob(1)])
