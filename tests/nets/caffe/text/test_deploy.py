import cv2
import numpy as np

from gradus.nets import caffe
from gradus.nets.caffe.text.deploy import deploy_text
from gradus.nets.caffe.text.prototxt import parse_network, print_text

TRAINED = """
name: "t"
layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: 64 } }
layer { name: "half" type: "Power" bottom: "label" top: "half" power_param { scale: 0.5 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" param { lr_mult: 3 }
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "i" type: "InnerProduct" bottom: "c" top: "i"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "acc" type: "Accuracy" bottom: "i" bottom: "label" top: "acc" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "i" bottom: "label" top: "loss" loss_weight: 2 }
layer { name: "odd" type: "Power" bottom: "acc" top: "odd" }
layer { name: "quiet" type: "Silence" bottom: "half" }
"""
DEPLOYED = """
name: "t"
layer { name: "d" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 6 dim: 5 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" param { lr_mult: 3 }
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "i" type: "InnerProduct" bottom: "c" top: "i"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "Softmax" bottom: "i" top: "prob" }
"""
SHAPES = {"d": [(64, 2, 6, 5), (64,)]}


def test_labels_go_and_scores_stay():
    assert deploy_text("t", parse_network(TRAINED)[1], SHAPES) == print_text(parse_network(DEPLOYED)[0])


def test_two_predictions_are_called_after_their_layers():
    second = 'layer { name: "aux" type: "SigmoidCrossEntropyLoss" bottom: "i" bottom: "label" top: "aux" }'
    net, _ = parse_network(deploy_text("t", parse_network(TRAINED + second)[1], SHAPES))
    assert [(layer.type, list(layer.top)) for layer in net.layer[-2:]] == [("Softmax", ["loss"]), ("Sigmoid", ["aux"])]


def test_a_net_that_predicts_already_stays_as_it_is():
    text = print_text(parse_network(DEPLOYED)[0])
    assert deploy_text("t", parse_network(text)[1], {"d": [(1, 2, 6, 5)]}) == text


def test_opencv_runs_it(tmp_path, rng):
    (tmp_path / "d.prototxt").write_text(deploy_text("t", parse_network(TRAINED)[1], SHAPES))
    net = caffe.Net(tmp_path / "d.prototxt", seed=3)
    net.save(tmp_path / "w.caffemodel")
    x = rng.normal(size=(1, 2, 6, 5)).astype(np.float32)
    reader = cv2.dnn.readNetFromCaffe(str(tmp_path / "d.prototxt"), str(tmp_path / "w.caffemodel"))
    reader.setInput(x)
    np.testing.assert_allclose(net.forward(data=x)["prob"], reader.forward(), rtol=1e-4)
