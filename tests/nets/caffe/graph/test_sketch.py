"""Texts of the Caffe world that no dataset of ours could train are drawn all the same."""

import pytest

from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput
from gradus.engine.draw import draw_network

GIVEN = NetworkInput(width=40, height=32, channels=3, classes=10)
SETTINGS = "convolution_param { num_output: 4 kernel_size: 3 }"
CONVOLUTION = f'layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" {SETTINGS} }}\n'
TRAIN_TEST = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 24 } data_param { source: "/some/where" backend: LMDB batch_size: 64 } }
layer { name: "data" type: "ImageData" top: "data" top: "label" include { phase: TEST }
  image_data_param { source: "list.txt" batch_size: 5 new_height: 20 new_width: 30 } }
"""


@pytest.mark.parametrize(
    ("phase", "data", "top"),
    [("train", [64, 3, 24, 24], [64, 4, 22, 22]), ("val", [5, 3, 20, 30], [5, 4, 18, 28])],
)
def test_data_layers_with_sources_of_their_own(phase, data, top):
    graph = draw_network(TRAIN_TEST + CONVOLUTION, GIVEN, phase, strict=False)
    assert [node.shapes[0] for node in graph.nodes] == [data, top]
    assert graph.nodes[0].shapes[1] == data[:1]
    assert (graph.parameters, graph.nodes[1].multiply_adds) == (4 * 28, 27 * 4 * top[2] * top[3])
    assert graph.nodes[1].line == 6
    assert "must not set source" in graph.problem.message


def test_what_must_be_trainable_is_refused():
    with pytest.raises(NetworkError, match="must not set source"):
        draw_network(TRAIN_TEST + CONVOLUTION, GIVEN, "train")


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ('layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }',
         [[2, 3, 8, 8]]),
        ('layer { name: "m" type: "MemoryData" top: "data" top: "y" memory_data_param '
         "{ batch_size: 7 channels: 1 height: 8 width: 9 } }", [[7, 1, 8, 9], [7]]),
        ('layer { name: "d" type: "DummyData" top: "data" top: "y" dummy_data_param '
         "{ shape { dim: 4 dim: 2 dim: 5 dim: 5 } shape { dim: 4 } } }", [[4, 2, 5, 5], [4]]),
        ('layer { name: "h" type: "HDF5Data" top: "data" top: "y" hdf5_data_param { source: "x" batch_size: 3 } }',
         [[3, 3, 32, 40], [3]]),
    ],
)  # fmt: skip
def test_every_source_has_shapes(text, shapes):
    graph = draw_network(text + CONVOLUTION, GIVEN, "deploy", strict=False)
    assert graph.nodes[0].shapes == shapes
    assert graph.nodes[1].shapes == [[shapes[0][0], 4, shapes[0][2] - 2, shapes[0][3] - 2]]


TWO = 'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { %s } shape { %s } } }'


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ('type: "InfogainLoss" top: "y" infogain_loss_param { source: "/no/file" }', ("dim: 2 dim: 3", "dim: 2")),
        ('type: "DetectionEvaluate" top: "y" detection_evaluate_param { num_classes: 2 name_size_file: "/no/file" }',
         ("dim: 1 dim: 1 dim: 3 dim: 7", "dim: 1 dim: 1 dim: 3 dim: 8")),
        ('type: "DetectNetTransformation" top: "y" top: "z" transform_param { mean_file: "/no/file" } '
         "detectnet_groundtruth_param { image_size_x: 32 image_size_y: 32 stride: 4 }",
         ("dim: 1 dim: 3 dim: 32 dim: 32", "dim: 1 dim: 1 dim: 3 dim: 16")),
        ('type: "HDF5Output" hdf5_output_param { file_name: "/no/file" }', ("dim: 2 dim: 3", "dim: 2")),
    ],
)  # fmt: skip
def test_drawing_opens_no_file(text, shapes):
    """Whoever may draw a network on a server must not learn what lies there."""
    net = TWO % shapes + f'layer {{ name: "it" bottom: "a" bottom: "b" {text} }}'
    assert [node.name for node in draw_network(net, GIVEN, "deploy", strict=False).nodes] == ["i", "it"]


def test_what_cannot_be_drawn_either_is_an_error_with_its_line():
    with pytest.raises(NetworkError) as caught:
        draw_network(TRAIN_TEST + CONVOLUTION.replace('bottom: "data"', 'bottom: "dta"'), GIVEN, "train", strict=False)
    assert caught.value.problem.line is not None


def test_a_network_that_can_be_trained_has_no_problem():
    from gradus.zoo import network_text

    given = NetworkInput(width=28, height=28, channels=1, classes=10)
    assert draw_network(network_text("lenet"), given, "train", strict=False).problem is None
