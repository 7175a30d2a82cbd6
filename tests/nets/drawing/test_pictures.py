"""A graph as SVG and as Graphviz's text: well formed, complete, and harmless whatever the names are."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from gradus.core.network import Edge, Graph, Node
from gradus.nets.drawing.dot import dot
from gradus.nets.drawing.svg import DIRECTIONS, svg
from gradus.nets.drawing.words import lines, short

SVG = "{http://www.w3.org/2000/svg}"
ODD = 'a<b>&"c"\\ \n\x01\'d'


def node(name: str, kind: str = "ReLU", **more: object) -> Node:
    given = {"inputs": [], "outputs": [name], "shapes": [[1, 2]], "parameters": 0, "multiply_adds": 0, "line": 3} | more
    return Node(name=name, type=kind, **given)  # type: ignore[arg-type]


@pytest.fixture
def graph() -> Graph:
    conv = node(
        "conv1", "Convolution", settings={"num_output": "20", "kernel_size": "5"}, shapes=[[64, 20, 24, 24]],
        parameters=520, multiply_adds=288_000,
    )  # fmt: skip
    edge = Edge(source="conv1", target=ODD, blob="conv1", shape=[64, 20, 24, 24])
    return Graph(
        name=ODD, phase="train", nodes=[conv, node(ODD)], edges=[edge], inputs=[], outputs=[], parameters=520,
        multiply_adds=288_000, batch_size=64,
    )  # fmt: skip


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_svg_has_a_box_with_its_lines_for_each_layer_and_a_line_for_each_blob(graph: Graph, direction: str) -> None:
    tree = ElementTree.fromstring(svg(graph, direction))
    assert len(tree.findall(f".//{SVG}g/{SVG}g")) == 2
    assert len(tree.findall(f"./{SVG}g/{SVG}path")) == 1
    texts = [text.text for text in tree.iter(f"{SVG}text")]
    assert texts[1:5] == ["conv1", "Convolution: 20, kernel 5", "64×20×24×24", "520 parameters, 288 k multiply-adds"]
    width, height = float(tree.attrib["width"]), float(tree.attrib["height"])
    for box in tree.iter(f"{SVG}rect"):
        if "x" in box.attrib:
            assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
            assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])


def test_lr_is_tb_turned(graph: Graph) -> None:
    def middles(direction: str) -> list[tuple[float, float]]:
        boxes = [b.attrib for b in ElementTree.fromstring(svg(graph, direction)).iter(f"{SVG}rect") if "x" in b.attrib]
        return [(float(b["x"]) + float(b["width"]) / 2, float(b["y"]) + float(b["height"]) / 2) for b in boxes]

    (x, y), (a, b) = middles("LR")
    assert x < a
    assert y == pytest.approx(b, abs=0.2)
    (x, y), (a, b) = middles("BT")
    assert y > b
    assert x == pytest.approx(a, abs=0.2)


def test_dot_quotes_what_could_break_out(graph: Graph) -> None:
    text = dot(graph, "LR")
    assert "rankdir=LR;" in text
    assert "n0 -> n1" in text
    assert 'label="conv1\\nConvolution: 20, kernel 5\\n64×20×24×24\\n520 parameters, 288 k multiply-adds"' in text
    assert text.count('"') % 2 == 0
    assert '\\"c\\"\\\\' in text


def test_what_is_not_known_is_not_said() -> None:
    assert lines(node("x", shapes=[], parameters=0)) == ["x", "ReLU"]
    assert lines(node("loss", "SoftmaxWithLoss", shapes=[[]])) == ["loss", "SoftmaxWithLoss", "a number"]


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (60_965_224, "61 M"), (724_406_816, "724 M"), (1_582_671_184, "1.58 G")],
)
def test_counts_have_three_digits(count: int, words: str) -> None:
    assert short(count) == words
