"""A network's graph from its text, without allocating a single weight."""

from __future__ import annotations

from gradus.core.network import Graph, NetworkInput, Phase
from gradus.nets.compilers import compile_network


def draw_network(text: str, given: NetworkInput, phase: Phase) -> Graph:
    """Layers, shapes and counts of one phase, found by running it on PyTorch's meta device."""
    return compile_network(text, given, device="meta").graph(phase)
