"""Networks as drawings in Graphviz' language, and as pictures where its program `dot` is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradus.nets.caffe.pycaffe.errors import CaffeError
from gradus.nets.caffe.rules import State, included

_SECONDS = 120  # that `dot` may take
_DIRECTIONS = {"UD": "TB"}  # pydot's habit; the rest are Graphviz' own names
_NEURON = frozenset(("ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Dropout", "BNLL", "AbsVal", "Power", "Exp", "Log"))
_BLOB, _OTHER, _LOSS = "#e8eef4", "#cfd8dc", "#f5c6c6"
_COLOURS = {
    "Convolution": "#f9b27c", "Deconvolution": "#f9b27c", "Pooling": "#f6e58d", "InnerProduct": "#b39ddb",
}  # fmt: skip


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _label(layer: Any) -> str:
    """Name and type, and for windows their size, stride and pad."""
    lines = [layer.name, f"({layer.type})"]
    if layer.type in ("Convolution", "Deconvolution", "Pooling"):
        p = layer.pooling_param if layer.type == "Pooling" else layer.convolution_param
        for name, short, default in (("kernel_size", "kernel", 1), ("stride", "stride", 1), ("pad", "pad", 0)):
            given = getattr(p, name)
            sides = list(given) if layer.type != "Pooling" else [given] if p.HasField(name) else []
            if p.HasField(f"{short}_h"):
                sides = [getattr(p, f"{short}_h"), getattr(p, f"{short}_w")]
            lines.append(f"{name.replace('_', ' ')}: {'x'.join(map(str, sides)) or default}")
    return "\n".join(lines)


def _edge(layer: Any) -> str:
    """How many outputs a layer gives, where its text says so."""
    p = layer.inner_product_param if layer.type == "InnerProduct" else layer.convolution_param
    return str(p.num_output) if p.HasField("num_output") else ""


def get_dot(caffe_net: Any, rankdir: str = "LR", label_edges: bool = True, phase: int | None = None) -> str:
    """A NetParameter in Graphviz' language: layers as boxes, blobs as eight-sided shapes."""
    return "\n".join(_lines(caffe_net, _DIRECTIONS.get(rankdir, rankdir), label_edges, phase)) + "\n"


def _lines(net: Any, rankdir: str, label_edges: bool, phase: int | None) -> Iterator[str]:
    yield f"digraph {_quoted(net.name or 'Net')} {{"
    yield f"  rankdir={_quoted(rankdir)};"
    blobs: dict[str, None] = dict.fromkeys(net.input)
    edges = []
    for number, layer in enumerate(net.layer):
        if phase is not None and not included(State(phase), layer.include, layer.exclude):
            continue
        colour = _LOSS if layer.type.endswith("Loss") else _COLOURS.get(layer.type, _OTHER)
        in_place = len(layer.bottom) == 1 and list(layer.bottom) == list(layer.top) and layer.type in _NEURON
        style = ", style=filled, fillcolor=" + _quoted(colour)
        yield f"  layer{number} [label={_quoted(_label(layer))}, shape=box{style}];"
        blobs.update(dict.fromkeys([*layer.bottom, *layer.top]))
        edges += [f"  {_quoted(f'blob {bottom}')} -> layer{number};" for bottom in layer.bottom]
        label = f" [label={_quoted(_edge(layer))}]" if label_edges and _edge(layer) else ""
        back = " [dir=none]" if in_place else label
        edges += [f"  layer{number} -> {_quoted(f'blob {top}')}{back};" for top in layer.top]
    for blob in blobs:
        yield (
            f"  {_quoted(f'blob {blob}')} [label={_quoted(blob)}, shape=octagon, style=filled,"
            f" fillcolor={_quoted(_BLOB)}];"
        )
    yield from edges
    yield "}"


def draw_net(caffe_net: Any, rankdir: str = "LR", ext: str = "png", phase: int | None = None) -> bytes:
    """The drawing as a file of a format: "dot" always, others where Graphviz' `dot` is installed."""
    text = get_dot(caffe_net, rankdir, phase=phase).encode()
    if ext in ("dot", "gv", "raw"):
        return text
    program = shutil.which("dot")
    if program is None:
        raise CaffeError(
            f"a drawing as {ext} needs Graphviz, which is not installed",
            hint='Install Graphviz, or draw to a file that ends in ".dot".',
        )
    if not ext.isalnum():
        raise CaffeError(f"{ext!r} is not a format of pictures", hint="For example png, svg or pdf.")
    try:
        ran = subprocess.run([program, f"-T{ext}"], input=text, capture_output=True, check=True, timeout=_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as problem:
        raise CaffeError(f"Graphviz could not draw the network as {ext}") from problem
    return ran.stdout


def draw_net_to_file(caffe_net: Any, filename: str, rankdir: str = "LR", phase: int | None = None) -> None:
    """Draw into a file; its ending is the format."""
    Path(filename).write_bytes(draw_net(caffe_net, rankdir, Path(filename).suffix[1:], phase))
