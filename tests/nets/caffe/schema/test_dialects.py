"""Messages as NVIDIA's and SSD's Caffe write them, byte by byte; numbers from catalogue 4.4."""

import struct

import pytest

from gradus.core.errors import InputError
from gradus.nets.caffe.schema.dialects import from_wire, speaks_nvidia, to_nvidia
from gradus.nets.caffe.text.prototxt import parse


def number(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def integer(field, value):
    return number(field << 3) + number(value)


def part(field, content):
    return number(field << 3 | 2) + number(len(content)) + content


def real(field, value):
    return number(field << 3 | 5) + struct.pack("<f", value)


NV_LAYER = part(1, b"n") + integer(145, 2) + integer(146, 0) + integer(147, 1) + integer(148, 2)
NV_RECURRENT = part(1, b"n") + part(151, integer(1, 7))
BVLC_LAYER = (
    part(1, b"n")
    + part(145, part(1, part(1, number(5))))
    + part(146, integer(1, 6))
    + part(147, real(1, 0.5))
    + part(148, real(1, -1) + real(2, 1))
)


def test_nvidias_types_are_not_bvlcs_settings():
    layer = from_wire(NV_LAYER, "LayerParameter")
    assert (layer.forward_type, layer.backward_type, layer.forward_math, layer.backward_math) == (2, 0, 1, 2)
    assert not layer.HasField("parameter_param")
    assert from_wire(NV_RECURRENT, "LayerParameter").recurrent_param.num_output == 7


def test_bvlcs_settings_are_not_nvidias_types():
    layer = from_wire(BVLC_LAYER, "LayerParameter")
    assert list(layer.parameter_param.shape.dim) == [5]
    assert (layer.recurrent_param.num_output, layer.swish_param.beta, layer.clip_param.min) == (6, 0.5, -1)
    assert not layer.HasField("forward_type")
    assert layer.SerializeToString() == BVLC_LAYER


def test_a_net_and_its_layers_are_told_apart_in_one_file():
    net = from_wire(part(100, NV_LAYER) + part(100, BVLC_LAYER) + integer(11, 2), "NetParameter")
    assert (net.layer[0].forward_type, net.layer[1].recurrent_param.num_output) == (2, 6)
    assert net.default_forward_type == 2


@pytest.mark.parametrize("data", [NV_LAYER, NV_RECURRENT])
def test_what_was_read_is_written_with_nvidias_numbers_again(data):
    assert to_nvidia(from_wire(data, "LayerParameter")) == data


def test_solvers():
    bvlc = from_wire(real(5, 0.5) + integer(41, 0) + part(42, b"w.caffemodel"), "SolverParameter")
    assert (bvlc.layer_wise_reduce, list(bvlc.weights)) == (False, ["w.caffemodel"])
    nvidia = from_wire(integer(41, 500) + real(42, 0.25) + real(43, 0.125), "SolverParameter")
    assert (nvidia.rampup_interval, nvidia.rampup_lr, nvidia.min_lr) == (500, 0.25, 0.125)
    assert nvidia.layer_wise_reduce is True  # the default: not given
    assert to_nvidia(nvidia) == real(43, 0.125) + integer(41, 500) + real(42, 0.25)
    inside = from_wire(part(25, part(100, NV_LAYER)), "SolverParameter")
    assert inside.net_param.layer[0].forward_type == 2


def test_transformations_of_ssd_and_of_nvidia():
    ssd = part(100, part(8, integer(3, 300)) + part(14, real(2, 4)))
    transform = from_wire(ssd, "LayerParameter").transform_param
    assert (transform.resize_param.height, transform.expand_param.max_expand_ratio) == (300, 4)
    nvidia = part(100, integer(8, 1) + real(14, 0.5))
    transform = from_wire(nvidia, "LayerParameter").transform_param
    assert (transform.use_gpu_transform, transform.vertical_stretch_lower) == (True, 0.5)


def test_settings_of_unknown_forks_are_left_out():
    fork = part(1, b"n") + part(147, b"\xff\xff\xff") + part(100, real(1, 2)) + part(999, b"?") + integer(998, 1)
    layer = from_wire(fork, "LayerParameter")
    assert (layer.name, layer.transform_param.scale, layer.HasField("swish_param")) == ("n", 2, False)


def test_damage_in_what_all_have_is_an_error():
    with pytest.raises(InputError, match="field 6"):
        from_wire(part(1, b"n") + part(6, b"\xff\xff"), "LayerParameter")
    with pytest.raises(InputError, match="ends too early"):
        from_wire(NV_LAYER + b"\x0a\x7f", "LayerParameter")


def test_a_text_shows_whose_it_is():
    def says(kind, text):
        return speaks_nvidia(parse(text, kind, "x")[0])

    assert not says("SolverParameter", 'base_lr: 0.1 layer_wise_reduce: true weights: "w" type: "SGD"')
    assert says("SolverParameter", "base_lr: 0.1 rampup_interval: 100")
    assert says("SolverParameter", "net_param { default_forward_type: FLOAT16 }")
    assert not says("NetParameter", "layer { batch_norm_param { eps: 1 } } layer { prior_box_param { min_size: 1 } }")
    assert says("NetParameter", "layer { } layer { batch_norm_param { scale_bias: false } }")
    assert says("NetParameter", "layer { transform_param { crop_size: 3 use_gpu_transform: false } }")
