"""The upgraded form is written here by hand from catalogue 2.4; the old texts are in the style of their years."""

import pytest
from google.protobuf import text_format

from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput
from gradus.nets import compile_network
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import parse, parse_network, print_text
from gradus.nets.caffe.text.upgrade import upgrade, upgrade_solver


def net(text):
    return text_format.Parse(text, message_class("NetParameter")())


V0 = """
name: "old"
input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "data" top: "padded" }
layers {
  layer { name: "conv1" type: "conv" num_output: 4 kernelsize: 5 stride: 2 group: 1 biasterm: false
    weight_filler { type: "gaussian" std: 0.01 } bias_filler { value: 0.5 }
    blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0 }
  bottom: "padded" top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" pool: AVE kernelsize: 3 stride: 2 pad: 1 } bottom: "conv1" top: "pool1" }
layers { layer { name: "norm1" type: "lrn" local_size: 3 alpha: 0.1 beta: 0.5 k: 2 } bottom: "pool1" top: "norm1" }
layers { layer { name: "fc" type: "innerproduct" num_output: 2 weight_filler { type: "xavier" } }
  bottom: "norm1" top: "fc" }
layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.2 num_output: 9 } bottom: "fc" top: "fc" }
layers { layer { name: "cat" type: "concat" concat_dim: 0 } bottom: "fc" bottom: "fc" top: "cat" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "cat" top: "loss" }
"""

V0_TODAY = """
name: "old"
layer { name: "input" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 4 bias_term: false pad: 2 kernel_size: 5 group: 1 stride: 2
    weight_filler { type: "gaussian" std: 0.01 } bias_filler { value: 0.5 } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1"
  lrn_param { local_size: 3 alpha: 0.1 beta: 0.5 k: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "norm1" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "fc" top: "fc" dropout_param { dropout_ratio: 0.2 } }
layer { name: "cat" type: "Concat" bottom: "fc" bottom: "fc" top: "cat" concat_param { concat_dim: 0 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "cat" top: "loss" }
"""

V0_READERS = """
layers { layer { name: "d" type: "data" source: "a" meanfile: "m" batchsize: 9 cropsize: 5 mirror: true scale: 0.5
  rand_skip: 3 } top: "d" top: "l" }
layers { layer { name: "i" type: "images" source: "b" batchsize: 8 shuffle_images: true new_height: 7 new_width: 6 }
  top: "e" top: "m" }
layers { layer { name: "w" type: "window_data" source: "c" det_fg_threshold: 0.6 det_bg_threshold: 0.4
  det_fg_fraction: 0.3 det_context_pad: 2 det_crop_mode: "square" } top: "f" top: "n" }
layers { layer { name: "h" type: "hdf5_data" source: "x" batchsize: 2 } top: "g" }
layers { layer { name: "o" type: "hdf5_output" hdf5_output_param { file_name: "y" } } bottom: "g" }
layers { layer { name: "g" type: "infogain_loss" source: "z" } bottom: "g" bottom: "l" top: "loss" }
"""

V0_READERS_TODAY = """
layer { name: "d" type: "Data" top: "d" top: "l" data_param { source: "a" batch_size: 9 rand_skip: 3 }
  transform_param { scale: 0.5 mirror: true crop_size: 5 mean_file: "m" } }
layer { name: "i" type: "ImageData" top: "e" top: "m"
  image_data_param { source: "b" batch_size: 8 shuffle: true new_height: 7 new_width: 6 } }
layer { name: "w" type: "WindowData" top: "f" top: "n" window_data_param { source: "c" fg_threshold: 0.6
  bg_threshold: 0.4 fg_fraction: 0.3 context_pad: 2 crop_mode: "square" } }
layer { name: "h" type: "HDF5Data" top: "g" hdf5_data_param { source: "x" batch_size: 2 } }
layer { name: "o" type: "HDF5Output" bottom: "g" hdf5_output_param { file_name: "y" } }
layer { name: "g" type: "InfogainLoss" bottom: "g" bottom: "l" top: "loss" infogain_loss_param { source: "z" } }
"""

V1 = """
input: "a" input: "b" input_shape { dim: 2 dim: 3 } input_shape { dim: 2 }
layers { name: "d" type: DATA top: "d" top: "l" include { phase: TRAIN }
  data_param { source: "s" batch_size: 2 backend: LMDB scale: 0.1 mean_file: "m" crop_size: 4 mirror: true } }
layers { name: "i" type: IMAGE_DATA top: "i" image_data_param { source: "s" mirror: false }
  transform_param { scale: 3 } }
layers { name: "c" type: CONVOLUTION bottom: "d" top: "c" blobs_lr: 1 blobs_lr: 2 weight_decay: 3
  param: "w" param: "" blob_share_mode: PERMISSIVE convolution_param { num_output: 2 kernel_size: 3 } }
layers { name: "s" type: SIGMOID_CROSS_ENTROPY_LOSS bottom: "c" bottom: "l" top: "x" loss_weight: 0.3 }
layers { name: "t" type: HDF5_OUTPUT bottom: "c" hdf5_output_param { file_name: "f" } }
"""

V1_TODAY = """
layer { name: "input" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
layer { name: "d" type: "Data" top: "d" top: "l" include { phase: TRAIN }
  data_param { source: "s" batch_size: 2 backend: LMDB }
  transform_param { scale: 0.1 mean_file: "m" crop_size: 4 mirror: true } }
layer { name: "i" type: "ImageData" top: "i" image_data_param { source: "s" }
  transform_param { scale: 3 mirror: false } }
layer { name: "c" type: "Convolution" bottom: "d" top: "c"
  param { name: "w" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 3 } param { name: "" lr_mult: 2 }
  convolution_param { num_output: 2 kernel_size: 3 } }
layer { name: "s" type: "SigmoidCrossEntropyLoss" bottom: "c" bottom: "l" top: "x" loss_weight: 0.3 }
layer { name: "t" type: "HDF5Output" bottom: "c" hdf5_output_param { file_name: "f" } }
"""


@pytest.mark.parametrize(
    ("old", "today"), [(V0, V0_TODAY), (V0_READERS, V0_READERS_TODAY), (V1, V1_TODAY), (V0_TODAY, V0_TODAY)],
    ids=["V0", "V0 readers", "V1", "today's"],
)  # fmt: skip
def test_old_notations_become_todays(old, today):
    given = net(old)
    before = given.SerializeToString()
    assert print_text(upgrade(given)) == print_text(net(today))
    assert given.SerializeToString() == before


# catalogue 2.4 and 4.4: V1's enum beside the type names that Caffe registers
V1_TYPES = {
    "ACCURACY": "Accuracy", "BNLL": "BNLL", "CONCAT": "Concat", "CONVOLUTION": "Convolution", "DATA": "Data",
    "DROPOUT": "Dropout", "EUCLIDEAN_LOSS": "EuclideanLoss", "FLATTEN": "Flatten", "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output", "IM2COL": "Im2col", "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct", "LRN": "LRN", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "POOLING": "Pooling", "RELU": "ReLU", "SIGMOID": "Sigmoid", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "TANH": "TanH", "WINDOW_DATA": "WindowData",
    "ELTWISE": "Eltwise", "POWER": "Power", "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "HINGE_LOSS": "HingeLoss", "MEMORY_DATA": "MemoryData", "ARGMAX": "ArgMax", "THRESHOLD": "Threshold",
    "DUMMY_DATA": "DummyData", "SLICE": "Slice", "MVN": "MVN", "ABSVAL": "AbsVal", "SILENCE": "Silence",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "EXP": "Exp", "DECONVOLUTION": "Deconvolution", "NONE": "",
}  # fmt: skip


def test_every_type_of_v1_has_its_name_of_today():
    assert set(V1_TYPES) == set(message_class("V1LayerParameter").LayerType.keys())
    text = "".join(f"layers {{ type: {kind} }}" for kind in V1_TYPES)
    assert [layer.type for layer in upgrade(net(text)).layer] == list(V1_TYPES.values())


def test_lines_point_to_the_old_text():
    _, definitions = parse_network(V0)
    lines = {d.message.name: d.line for d in definitions}
    assert lines == {
        "input": None, "conv1": 5, "relu1": 10, "pool1": 11, "norm1": 12, "fc": 13, "drop": 15, "cat": 16, "loss": 17,
    }  # fmt: skip
    assert definitions[1].error("is odd").problem.line == 5


def test_a_text_of_2014_compiles_as_its_form_of_today_does():
    v1 = """
      layers { name: "d" type: DATA top: "data" top: "label" include { phase: TRAIN } data_param { batch_size: 4 } }
      layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2
        convolution_param { num_output: 3 kernel_size: 5 weight_filler { type: "xavier" } } }
      layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 } }
      layers { name: "i" type: INNER_PRODUCT bottom: "p" top: "i" inner_product_param { num_output: 10 } }
      layers { name: "l" type: SOFTMAX_LOSS bottom: "i" bottom: "label" top: "l" }
    """
    given = NetworkInput(width=28, height=28, channels=1, classes=10)
    old = compile_network(v1, given, device="meta")
    new = compile_network(print_text(upgrade(net(v1))), given, device="meta")
    rates = [(s.name, tuple(s.tensor.shape), s.lr_mult) for s in old.parameters()]
    assert rates == [(s.name, tuple(s.tensor.shape), s.lr_mult) for s in new.parameters()]
    assert [rate for _, _, rate in rates] == [1, 2, 1, 1]
    assert rates[0][1] == (3, 1, 5, 5)


def test_statistics_of_batch_normalisation_are_not_learned():
    layer = 'layer { type: "BatchNorm" name: "b" param { lr_mult: 1 } param { lr_mult: 1 } param { lr_mult: 1 } }'
    upgraded = upgrade(net(layer)).layer[0]
    assert [(p.lr_mult, p.decay_mult) for p in upgraded.param] == [(0, 0)] * 3
    assert upgrade(net(layer.replace("BatchNorm", "Scale"))).layer[0].param[0].lr_mult == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('layer { name: "a" } layers { name: "b" }', "both"),
        ('input: "a" input: "b" input_shape { dim: 3 }', "2 inputs and 1 shapes"),
        ('input: "a" input_dim: 3', "1 inputs and 1 shapes"),
        ('layers { layer { name: "x" type: "gru" } }', "gru"),
        ('layers { layer { type: "padding" } bottom: "d" top: "p" } '
         'layers { layer { name: "r" type: "relu" } bottom: "p" top: "r" }', '"r" reads a padding layer'),
    ],
)  # fmt: skip
def test_what_cannot_be_upgraded_is_said(text, said):
    with pytest.raises(NetworkError, match=said):
        upgrade(net(text))


def test_inputs_without_sizes_are_dropped():
    assert print_text(upgrade(net('input: "data" layer { name: "a" }'))) == print_text(net('layer { name: "a" }'))


def test_a_solver_type_becomes_a_word():
    def solver(text):
        return parse(text, "SolverParameter", "solver.prototxt")[0]

    names = ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam", "SAG"]
    for old, new in zip([name.upper() for name in names], names, strict=True):
        assert print_text(upgrade_solver(solver(f"solver_type: {old}"))) == f'type: "{new}"\n'
    assert upgrade_solver(solver("base_lr: 1")).type == "SGD"
    inside = upgrade_solver(solver('net_param { layers { type: RELU } } test_net_param { input: "x" }'))
    assert (inside.net_param.layer[0].type, len(inside.test_net_param[0].input)) == ("ReLU", 0)
    with pytest.raises(NetworkError, match="both"):
        upgrade_solver(solver('solver_type: ADAM type: "Adam"'))
