"""A layer as the function that a plan calls: with what the text and the plan ask for around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from gradus.nets.caffe.graph.plan import View
from gradus.nets.caffe.layers.base import Layer, Use


def call_of(layer: Layer, use: Use, views: Sequence[View], *, keep: bool) -> Callable[..., Any]:
    """The function of one layer in a plan; with `keep` its tops are tensors of their own."""
    call = layer.step(use)
    if views := [view for view in views if view.follower is layer]:
        call = _renewing(call, views)
    flags = list(layer.definition.message.propagate_down)
    if not all(flags):
        call = _cut(call, flags)
    return _apart(call) if keep else call


def joint_call(layer: Layer, after: Layer, use: Use, views: Sequence[View]) -> Callable[..., Any] | None:
    """Two layers, of which the second alone reads the first, as one function; None where they stay two."""
    if any(view.follower in (layer, after) for view in views):
        return None
    if not all((*layer.definition.message.propagate_down, *after.definition.message.propagate_down)):
        return None
    return layer.followed_by(after, use)


def _renewing(call: Callable[..., Any], views: Sequence[View]) -> Callable[..., Any]:
    def run(*bottoms: Tensor) -> Any:
        for view in views:
            view.renew()
        return call(*bottoms)

    return run


def _cut(call: Callable[..., Any], flags: Sequence[bool]) -> Callable[..., Any]:
    """No gradient goes down to the bottoms whose propagate_down is false."""
    return lambda *xs: call(*[x if flag else x.detach() for x, flag in zip(xs, flags, strict=True)])


def _apart(call: Callable[..., Any]) -> Callable[..., Any]:
    """Tops that are a tensor of their own, also where a layer gives its bottom on: each blob has its gradient."""

    def run(*bottoms: Tensor) -> Any:
        tops = call(*bottoms)
        if isinstance(tops, Tensor):
            return tops.view_as(tops) if any(tops is x for x in bottoms) else tops
        return tuple(top.view_as(top) for top in tops)

    return run
