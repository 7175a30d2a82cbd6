"""From a network's text to a network: which language it is, and who compiles it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from gradus.core.network import Graph, NetworkInput, Phase
from gradus.nets.sources import Sources

if TYPE_CHECKING:
    from gradus.nets.network import Network

# What torch imports at the first operation on meta tensors (about a second); no operation is run by importing.
_LATE = ("torch._dynamo", "torch._meta_registrations", "torch._decomp", "torch.fx.experimental.symbolic_shapes")


def preload() -> None:
    """Import all that compiling needs, so that a process forked from this one compiles at once."""
    for module in (*_LATE, "gradus.nets.caffe.compile", "gradus.nets.caffe.graph.sketch"):
        importlib.import_module(module)


def compile_network(
    text: str,
    given: NetworkInput,
    *,
    device: str = "cpu",
    source: str = "network.prototxt",
    sources: Sources | None = None,
) -> Network:
    """Compile a network's text for what it is given; errors name `source` and the line.

    `sources` is what the derived texts (`Network.texts`) say of where the data lies.

    On `meta` nothing is allocated: enough for the graph, the shapes and the counts. Elsewhere the
    weights are zeros until `reset` or `load` fills them. torch is imported here and not before.
    """
    from gradus.nets.caffe.compile import compile_prototxt

    return compile_prototxt(text, given, device=device, source=source, sources=sources)


def sketch_network(text: str, given: NetworkInput, phase: Phase, *, source: str = "network.prototxt") -> Graph:
    """One phase of any text, drawn for pictures of the given size even if it could not be trained on them."""
    from gradus.nets.caffe.graph.sketch import sketch

    return sketch(text, given, phase, source)
