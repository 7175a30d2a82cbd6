"""A graph in the language of Graphviz."""

from __future__ import annotations

from gradus.core.network import Graph
from gradus.nets.drawing.words import lines


def dot(graph: Graph, direction: str = "TB") -> str:
    """A box for each layer, an arrow for each blob that one takes from another."""
    number = {node.name: index for index, node in enumerate(graph.nodes)}
    return "\n".join([
        f"digraph {_quoted(graph.name or 'network')} {{",
        f"  rankdir={direction};",
        '  node [shape=box, style="rounded,filled", fillcolor="#f3f3ef", fontname="sans-serif"];',
        *(f"  n{index} [label={_quoted(chr(10).join(lines(node)))}];" for index, node in enumerate(graph.nodes)),
        *(f"  n{number[e.source]} -> n{number[e.target]} [tooltip={_quoted(e.blob)}];" for e in graph.edges),
        "}", "",
    ])  # fmt: skip


def _quoted(text: str) -> str:
    """A string; a line's end becomes `\\n`, which Graphviz centres."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
