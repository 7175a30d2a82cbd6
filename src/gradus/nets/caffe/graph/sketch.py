"""Any prototxt drawn for one phase, whether or not it could be trained on a dataset of ours.

Nothing is read: where a data layer does not say its shapes, pictures of the size that was given are assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradus.core.errors import NetworkError
from gradus.core.network import Graph, NetworkInput, Phase
from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.graph.draw import draw
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.layers.data import Input
from gradus.nets.caffe.text.prototxt import Definition, parse_network
from gradus.nets.caffe.text.rules import STATES, TRAIN, State, included

BOX = 8  # numbers that AnnotatedData gives for each box


def sketch(
    text: str, given: NetworkInput, phase: Phase, source: str = "network.prototxt", *, state: State | None = None
) -> Graph:
    """The layers that the phase has, their shapes and counts; `NetworkError` names the line of what cannot be.

    `state` is another than DIGITS gives that phase.
    """
    net, definitions = parse_network(text, source)
    state = state or STATES[phase]
    chosen = [d for d in definitions if included(state, d.message.include, d.message.exclude)]
    if not chosen:
        raise NetworkError(f"no layer of the text belongs to the phase {phase}", file=source, line=1)
    feeds = {d.message.name: _shapes(d, given) for d in chosen if d.message.type in _SHAPES}
    built = Builder().build(phase, chosen, feeds, training=state.phase == TRAIN)
    first = next((shapes[0] for shapes in feeds.values() if shapes and shapes[0]), (1,))
    return draw(net.name, phase, built, first[0])


def _shapes(definition: Definition, given: NetworkInput) -> list[Shape]:
    shapes = _SHAPES[definition.message.type](definition, given)
    batch = shapes[0][0] if shapes and shapes[0] else 1
    return [*shapes, *[(batch,)] * (len(definition.message.top) - len(shapes))]  # further tops are labels


def _declared(definition: Definition, given: NetworkInput) -> list[Shape]:  # noqa: ARG001 - a row of the table
    return list(Input(definition, ()).shapes)


def _pictures(settings: str) -> Callable[[Definition, NetworkInput], list[Shape]]:
    def shapes(definition: Definition, given: NetworkInput) -> list[Shape]:
        p, transform = getattr(definition.message, settings), definition.message.transform_param
        height = getattr(p, "new_height", 0) or given.height
        width = getattr(p, "new_width", 0) or given.width
        crop = transform.crop_size or getattr(p, "crop_size", 0) or given.crop_size
        channels = 1 if transform.force_gray else 3 if transform.force_color else given.channels
        return [(given.batch_size or p.batch_size or 1, channels, crop or height, crop or width)]

    return shapes


def _annotated(definition: Definition, given: NetworkInput) -> list[Shape]:
    return [*_pictures("data_param")(definition, given), (1, 1, 1, BOX)]


def _memory(definition: Definition, given: NetworkInput) -> list[Shape]:  # noqa: ARG001 - a row of the table
    p = definition.message.memory_data_param
    crop = definition.message.transform_param.crop_size
    return [(p.batch_size, p.channels, crop or p.height, crop or p.width)]


def _dummy(definition: Definition, given: NetworkInput) -> list[Shape]:  # noqa: ARG001 - a row of the table
    p, count = definition.message.dummy_data_param, len(definition.message.top)
    old = list(zip(p.num, p.channels, p.height, p.width, strict=False))
    shapes: list[Any] = [tuple(shape.dim) for shape in p.shape] or old
    return shapes * count if len(shapes) == 1 else shapes


_SHAPES: dict[str, Callable[[Definition, NetworkInput], list[Shape]]] = {
    "AnnotatedData": _annotated,
    "Data": _pictures("data_param"),
    "DummyData": _dummy,
    "HDF5Data": _pictures("hdf5_data_param"),
    "ImageData": _pictures("image_data_param"),
    "Input": _declared,
    "MemoryData": _memory,
    "WindowData": _pictures("window_data_param"),
}
