"""Drawings of messages."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from google.protobuf import text_format

from gradus.nets.caffe.pycaffe import draw
from gradus.nets.caffe.schema import message_class

TEXT = """
name: "two phases"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } data_param { source: "a" } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST } data_param { source: "b" } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 8 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "label" top: "loss" }
"""


@pytest.fixture
def net() -> object:
    return text_format.Parse(TEXT, message_class("NetParameter")())


def test_layers_and_what_they_take(net) -> None:
    graph = draw.get_graph(net, phase=0)
    assert [node.name for node in graph.nodes] == ["data", "conv", "relu", "loss"]
    assert [(edge.source, edge.target, edge.blob) for edge in graph.edges] == [
        ("data", "conv", "data"), ("conv", "relu", "conv"), ("relu", "loss", "conv"), ("data", "loss", "label"),
    ]  # fmt: skip
    assert [node.name for node in draw.get_graph(net).nodes] == ["data", "data (2)", "conv", "relu", "loss"]


def test_old_notations_are_drawn_too() -> None:
    old = text_format.Parse(
        'layers { name: "c" type: CONVOLUTION top: "c" convolution_param { num_output: 1 kernel_size: 1 } }',
        message_class("NetParameter")(),
    )
    assert [node.type for node in draw.get_graph(old).nodes] == ["Convolution"]
    assert old.layers


def test_files_of_its_own(net, tmp_path) -> None:
    dot = draw.draw_net(net, "UD", "dot").decode()
    assert dot.startswith('digraph "two phases" {')
    assert "rankdir=TB" in dot
    assert "8" in dot and "kernel 3" in dot
    picture = ElementTree.fromstring(draw.draw_net(net, "LR", "svg"))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    draw.draw_net_to_file(net, str(tmp_path / "n.svg"))
    assert (tmp_path / "n.svg").read_bytes() == draw.draw_net(net, "LR", "svg")


def test_other_pictures_need_graphviz(net, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="needs Graphviz"):
        draw.draw_net(net)
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\necho "$1"\n/bin/cat')
    program.chmod(0o755)
    assert draw.draw_net(net, "LR", "png") == b"-Tpng\n" + draw.draw_net(net, "LR", "dot")
    program.write_text("#!/bin/sh\nexit 1")
    with pytest.raises(RuntimeError, match="could not draw"):
        draw.draw_net(net)
    with pytest.raises(RuntimeError, match="not a format"):
        draw.draw_net(net, "LR", "exe")
    with pytest.raises(ValueError, match="'XY' is no direction"):
        draw.draw_net(net, "XY")
