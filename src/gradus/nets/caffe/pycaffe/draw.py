"""Drawings of NetParameter messages, as far as the message alone says: shapes are not worked out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from gradus.core.network import Edge, Graph, Node
from gradus.nets.caffe.graph.draw import settings_of
from gradus.nets.caffe.pycaffe.errors import CaffeValueError, as_caffe
from gradus.nets.caffe.text.rules import TEST, State, included
from gradus.nets.caffe.text.upgrade import upgrade
from gradus.nets.drawing.dot import dot
from gradus.nets.drawing.graphviz import graphviz
from gradus.nets.drawing.svg import DIRECTIONS, svg

_OWN = {"svg": svg, "dot": dot, "gv": dot, "raw": dot}


def get_graph(caffe_net: Any, phase: int | None = None) -> Graph:
    """The layers of a network, or those of one phase, and what each takes from which."""
    net = upgrade(caffe_net)
    nodes: list[Node] = []
    edges: list[Edge] = []
    maker: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for layer in net.layer:
        if phase is not None and not included(State(phase), layer.include, layer.exclude):
            continue
        seen[layer.name] += 1
        name = layer.name if seen[layer.name] == 1 else f"{layer.name} ({seen[layer.name]})"
        nodes.append(
            Node(
                name=name, type=layer.type, inputs=list(layer.bottom), outputs=list(layer.top), shapes=[],
                parameters=0, multiply_adds=0, line=None, settings=settings_of(layer),
            )
        )  # fmt: skip
        edges += [Edge(source=maker[b], target=name, blob=b, shape=[]) for b in layer.bottom if b in maker]
        maker.update(dict.fromkeys(layer.top, name))
    return Graph(
        name=net.name, phase="val" if phase == TEST else "train", nodes=nodes, edges=edges, inputs=[], outputs=[],
        parameters=0, multiply_adds=0, batch_size=1,
    )  # fmt: skip


def draw_net(caffe_net: Any, rankdir: str = "LR", ext: str = "png", phase: int | None = None) -> bytes:
    """The drawing as a file: "svg" and "dot" always, "png" and others where Graphviz is installed.

    `rankdir` is LR, TB (or UD), BT or RL.
    """
    direction = {"UD": "TB", "DU": "BT"}.get(rankdir, rankdir)
    if direction not in DIRECTIONS:
        raise CaffeValueError(f"{rankdir!r} is no direction", hint=f"There are {', '.join(DIRECTIONS)}.")
    with as_caffe():
        graph = get_graph(caffe_net, phase)
        if ext in _OWN:
            return _OWN[ext](graph, direction).encode()
        return graphviz(dot(graph, direction), ext)


def draw_net_to_file(caffe_net: Any, filename: str, rankdir: str = "LR", phase: int | None = None) -> None:
    """Draw into a file; its ending is the format."""
    Path(filename).write_bytes(draw_net(caffe_net, rankdir, Path(filename).suffix[1:], phase))
