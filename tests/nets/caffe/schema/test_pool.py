import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.schema.pool import file_descriptor
from gradus.nets.caffe.text.prototxt import parse_network


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


def test_the_text_of_every_dialect_parses_by_names():
    text = """
        default_forward_type: FLOAT16 global_grad_scale: 1000
        layer { name: "bn" type: "BatchNorm" forward_math: FLOAT batch_norm_param { scale_bias: true engine: CUDNN } }
        layer { name: "t" type: "DetectNetTransformation"
          detectnet_groundtruth_param { stride: 16 object_class { src: 1 dst: 0 } gridbox_type: GRIDBOX_MIN } }
        layer { name: "p" type: "PriorBox" prior_box_param { min_size: 30 aspect_ratio: 2 variance: 0.1 } }
        layer { name: "d" type: "DetectionOutput"
          detection_output_param { code_type: CENTER_SIZE nms_param { top_k: 9 } } }
        layer { name: "u" type: "Upsample" upsample_param { scale: 3 pad_out_h: true } }
        layer { name: "s" type: "ShuffleChannel" shuffle_channel_param { group: 3 } }
        layer { name: "i" type: "Interp" interp_param { zoom_factor: 8 } }
        layer { name: "r" type: "Recurrent" recurrent_param { num_output: 4 } parameter_param { shape { dim: 2 } } }
        layer { name: "a" type: "AnnotatedData" transform_param { resize_param { interp_mode: LANCZOS4 } crop_h: 3 }
          annotated_data_param { batch_sampler { max_trials: 50 } label_map_file: "l" anno_type: BBOX } }
    """
    net, layers = parse_network(text)
    assert (net.default_forward_type, net.default_backward_type) == (2, 1)
    by_name = {d.name: d.message for d in layers}
    assert by_name["t"].detectnet_groundtruth_param.scale_cvg == 0.5
    assert by_name["u"].upsample_param.scale == 3
    assert by_name["p"].prior_box_param.offset == 0.5
    assert by_name["d"].detection_output_param.nms_param.eta == 1
    assert message_class("UpsampleParameter")().scale == 2


def test_where_defaults_differ_bvlcs_stand():
    solver, bn = message_class("SolverParameter")(), message_class("BatchNormParameter")()
    assert solver.test_initialization is True
    assert message_class("DataParameter")().prefetch == 4
    assert not bn.HasField("use_global_stats")
    assert bn.scale_filler.value == 0  # NVIDIA 0.15: scale starts at 0 unless the text says otherwise


def test_a_wrong_value_of_an_outer_enum_names_the_valid_ones():
    with pytest.raises(NetworkError) as caught:
        parse_network("layer { forward_type: HALF }")
    assert "FLOAT16" in caught.value.problem.hint


def test_a_row_that_cannot_be_read_is_named():
    with pytest.raises(ValueError, match="oops"):
        file_descriptor("A: oops", "E{X=0}")
