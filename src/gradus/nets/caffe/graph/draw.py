"""A built phase as a graph of layers, with in-place layers in the chain where they work."""

from __future__ import annotations

from typing import Any

from gradus.core.network import Edge, Graph, Node, Phase
from gradus.nets.caffe.graph.placing import Built, Placed

_LENGTH = 60  # characters of one setting in a tooltip


def draw(name: str, phase: Phase, built: Built, batch: int) -> Graph:
    """Parameters are counted at the first layer that has them; multiply-adds are those of one picture."""
    counted: set[int] = set()
    nodes, edges = [], []
    maker: dict[int, tuple[str, list[int]]] = {}
    for placed in built.placed:
        nodes.append(_node(placed, built.names, counted, batch))
        for slot in placed.reads:
            source, shape = maker[slot]
            edges.append(Edge(source=source, target=nodes[-1].name, blob=built.names[slot], shape=shape))
        for slot, shape in zip(placed.writes, nodes[-1].shapes, strict=True):
            maker[slot] = nodes[-1].name, shape
    return Graph(
        name=name, phase=phase, nodes=nodes, edges=edges,
        inputs=[built.names[slot] for slot in built.plan.feeds],
        outputs=[output for output, _ in built.plan.outputs],
        parameters=sum(node.parameters for node in nodes),
        multiply_adds=sum(node.multiply_adds for node in nodes),
        batch_size=batch,
    )  # fmt: skip


def _node(placed: Placed, names: list[str], counted: set[int], batch: int) -> Node:
    layer, message = placed.layer, placed.definition.message
    own = [tensor for blob in layer.blobs if blob.learned and id(tensor := getattr(layer, blob.name)) not in counted]
    counted.update(map(id, own))
    return Node(
        name=message.name, type=message.type,
        inputs=[names[slot] for slot in placed.reads], outputs=[names[slot] for slot in placed.writes],
        shapes=[list(shape) for shape in placed.top_shapes],
        parameters=sum(tensor.numel() for tensor in own),
        multiply_adds=layer.multiply_adds(placed.bottom_shapes, placed.top_shapes) // max(batch, 1),
        line=placed.definition.line, settings=settings_of(message),
    )  # fmt: skip


def settings_of(message: Any) -> dict[str, str]:
    """What the text sets of the layer's own settings: `kernel_size: 5`, `weight_filler: xavier`."""
    found: dict[str, str] = {}
    for owner, value in message.ListFields():
        if not owner.name.endswith("_param") or owner.message_type is None:
            if owner.name == "loss_weight":
                found["loss_weight"] = ", ".join(f"{v:g}" for v in value)
            continue
        for field, setting in value.ListFields():
            found[field.name] = _words(field, setting)[:_LENGTH]
    return found


def _words(field: Any, value: Any) -> str:
    """One setting as it reads in the text."""
    if field.message_type is not None:
        parts = value if field.is_repeated else [value]
        if field.message_type.name == "FillerParameter":
            return "; ".join(
                " ".join([p.type, *(f"{f.name} {v:g}" for f, v in p.ListFields() if isinstance(v, float))])
                for p in parts
            )
        return "; ".join(", ".join(_words(f, v) for f, v in part.ListFields()) for part in parts)
    if field.is_repeated:
        return ", ".join(_one(field, v) for v in value)
    return _one(field, value)


def _one(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
