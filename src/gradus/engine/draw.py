"""A network's graph from its text, without allocating a single weight."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from gradus.core.errors import NetworkError
from gradus.core.network import Graph, NetworkInput, Phase
from gradus.nets.caffe import user_code
from gradus.nets.compilers import compile_network, sketch_network


def draw_network(
    text: str, given: NetworkInput, phase: Phase, *, strict: bool = True, python_layers: str = ""
) -> Graph:
    """Layers, shapes and counts of one phase, found by running it on PyTorch's meta device.

    What cannot be trained on the dataset is a `NetworkError`, or, where not `strict`, drawn if it can be.
    `python_layers` is code that is run for it: call this in a process made for the purpose.
    """
    with TemporaryDirectory(prefix="gradus-") as place:
        if python_layers.strip():
            Path(place, user_code.FILE).write_text(python_layers, encoding="utf-8")
            user_code.permit(Path(place))
        return _draw(text, given, phase, strict=strict)


def _draw(text: str, given: NetworkInput, phase: Phase, *, strict: bool) -> Graph:
    try:
        return compile_network(text, given, device="meta").graph(phase)
    except NetworkError as error:
        if strict:
            raise
        try:
            graph = sketch_network(text, given, phase)
        except NetworkError:
            raise error from None
        return graph.model_copy(update={"problem": error.problem})
