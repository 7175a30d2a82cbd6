import pytest

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.schema.pool import file_descriptor


def test_defaults_are_caffes():
    layer = message_class("LayerParameter")()
    assert layer.convolution_param.bias_term is True
    assert layer.pooling_param.stride == 1
    assert layer.lrn_param.local_size == 5
    assert layer.lrn_param.beta == 0.75
    assert layer.loss_param.normalization == 1  # VALID
    assert layer.python_param.param_str == ""
    assert message_class("SolverParameter")().momentum2 == pytest.approx(0.999)


def test_known_bytes_read_as_known_values():
    """A NetParameter written by hand: name (1), and one layer (100) with name, type and packed blob data."""
    blob = b"\x3a\x04\x0a\x02\x01\x02" + b"\x2a\x08" + b"\x00\x00\x80\x3f\x00\x00\x00\x40"  # shape 1x2: 1.0, 2.0
    layer = b"\x0a\x01c" + b"\x12\x04ReLU" + b"\x3a" + bytes([len(blob)]) + blob
    net = message_class("NetParameter").FromString(b"\x0a\x01n" + b"\xa2\x06" + bytes([len(layer)]) + layer)
    assert (net.name, net.layer[0].name, net.layer[0].type) == ("n", "c", "ReLU")
    assert list(net.layer[0].blobs[0].shape.dim) == [1, 2]
    assert list(net.layer[0].blobs[0].data) == [1.0, 2.0]


def test_a_row_that_cannot_be_read_is_named():
    with pytest.raises(ValueError, match="oops"):
        file_descriptor("A: oops", "E{X=0}")
