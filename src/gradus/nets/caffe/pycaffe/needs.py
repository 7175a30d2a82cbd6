"""Which layers and bottoms a backward pass goes through: Caffe's rules (catalogue 2.2)."""

from __future__ import annotations

from typing import NamedTuple

from gradus.nets.caffe.net import Net


class Needs(NamedTuple):
    """For each layer whether it goes back at all, and for each of its bottoms whether it gets a gradient."""

    layers: list[bool]
    bottoms: list[list[bool]]


def needs_of(net: Net) -> Needs:
    """A layer goes back if it learns or has a bottom that leads to one that learns, and leads to a loss itself.

    With `force_backward` all of them do, down to the inputs.
    """
    learns = {spec.name.rpartition(".")[0] for spec in net.specs if spec.tensor.requires_grad}
    shared = {id(spec.tensor) for spec in net.specs if spec.tensor.requires_grad}
    reached: dict[str, bool] = {}
    layers, bottoms = [], []
    for placed, step in net.calls:
        message = placed.definition.message
        flags = list(message.propagate_down) or [True] * len(message.bottom)
        down = [
            flag and (net.force_backward or reached[name]) for flag, name in zip(flags, message.bottom, strict=True)
        ]
        own = message.name in learns or any(id(getattr(placed.layer, b.name)) in shared for b in placed.layer.blobs)
        needed = any(down) or own or (net.force_backward and step is not None)
        layers.append(needed)
        bottoms.append(down)
        reached.update(dict.fromkeys(message.top, needed or net.force_backward))
    return Needs(layers if net.force_backward else _under_loss(net, layers, bottoms), bottoms)


def _under_loss(net: Net, layers: list[bool], bottoms: list[list[bool]]) -> list[bool]:
    """Leave out the layers that add nothing to a loss."""
    adding = {name for name, weight in net.loss_weights.items() if weight}
    kept = []
    for (placed, _), needed, down in reversed(list(zip(net.calls, layers, bottoms, strict=True))):
        message = placed.definition.message
        adds = needed and any(top in adding for top in message.top)
        kept.append(adds)
        if adds:
            adding.update(name for name, flag in zip(message.bottom, down, strict=True) if flag)
    return kept[::-1]
