"""How coordinates of one blob map to those of another, and the Crop layer that aligns the two (catalogue 5.2).

A layer maps a coordinate x of its bottom to a·x + b in its top, per spatial axis:

    Convolution, Pooling, Im2col   a = 1 / stride, b = (pad - (kernel - 1) / 2) / stride, a dilated kernel at full size
    Deconvolution                  the inverse: a = stride, b = (kernel - 1) / 2 - pad
    Crop                           a = 1, b = -offset
    layers that work value by value: a = 1, b = 0
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradus.nets.caffe.pycaffe.errors import CaffeAssertionError, CaffeError
from gradus.nets.caffe.pycaffe.layers import Crop
from gradus.nets.caffe.pycaffe.net_spec import Function, Top

PASS_THROUGH_LAYERS = [
    "AbsVal", "BatchNorm", "Bias", "BNLL", "Clip", "Dropout", "Eltwise", "ELU", "Exp", "Log", "LRN", "MVN", "Power",
    "PReLU", "ReLU", "Scale", "Sigmoid", "Split", "Swish", "TanH", "Threshold",
]  # fmt: skip


class UndefinedMapException(CaffeError):
    """A layer in between maps no coordinates."""


class AxisMismatchException(CaffeError):
    """The layers in between have their spatial axes at different places."""


class Map(NamedTuple):
    """x -> a·x + b on the axes after `axis` (the channel axis); None where any axis will do."""

    axis: int | None
    a: Any
    b: Any


IDENTITY = Map(None, 1, 0)


def _array(value: Any) -> Any:
    """A setting of one or more axes; one number stands for all axes."""
    values = np.asarray(value, np.float64)
    return values if values.ndim and values.size > 1 else float(values.reshape(-1)[0])


def _sides(p: dict[str, Any], name: str, short: str, default: int) -> Any:
    """kernel_size, stride or pad, also in their `_h` and `_w` forms."""
    if f"{short}_h" in p:
        return _array([p[f"{short}_h"], p.get(f"{short}_w", p[f"{short}_h"])])
    return _array(p.get(name, default))


def conv_params(fn: Function) -> tuple[int, Any, Any, Any]:
    """Axis, stride, full kernel size and pad of a layer that slides a window."""
    p = fn.params.get("convolution_param") or fn.params.get("pooling_param") or fn.params
    kernel = _sides(p, "kernel_size", "kernel", 1)
    dilation = _array(p.get("dilation", 1))
    stride, pad = _sides(p, "stride", "stride", 1), _sides(p, "pad", "pad", 0)
    return int(p.get("axis", 1)), stride, dilation * (kernel - 1) + 1, pad


def crop_params(fn: Function) -> tuple[int, Any]:
    """Axis and offset of a Crop layer."""
    p = fn.params.get("crop_param", fn.params)
    return int(p.get("axis", 2)), _array(p.get("offset", 0))


def coord_map(fn: Function) -> Map:
    """The map of one layer, from its first bottom to its top."""
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, kernel, pad = conv_params(fn)
        return Map(axis, 1 / stride, (pad - (kernel - 1) / 2) / stride)
    if fn.type_name == "Deconvolution":
        axis, stride, kernel, pad = conv_params(fn)
        return Map(axis, stride, (kernel - 1) / 2 - pad)
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return Map(axis - 1, 1, -offset)  # the axis before the first that is cropped
    if fn.type_name in PASS_THROUGH_LAYERS:
        return IDENTITY
    raise UndefinedMapException(f"a layer of type {fn.type_name} maps no coordinates")


def compose(second: Map, first: Map) -> Map:
    """First the one, then the other."""
    if None not in (first.axis, second.axis) and first.axis != second.axis:
        raise AxisMismatchException(f"channel axes {first.axis} and {second.axis} do not go together")
    axis = second.axis if first.axis is None else first.axis
    return Map(axis, second.a * first.a, second.a * first.b + second.b)


def inverse(m: Map) -> Map:
    """The way back."""
    return Map(m.axis, 1 / m.a, -m.b / m.a)


def _back(fn: Function) -> tuple[Top, ...]:
    """The bottoms whose coordinates a layer maps; a Crop's second one only gives a size."""
    return fn.inputs[:1] if fn.type_name == "Crop" else fn.inputs


def _source(top: Top) -> tuple[Top, ...]:
    """Where a top's coordinates come from: a layer with as many tops as bottoms maps each to its own."""
    inputs = _back(top.fn)
    return inputs[top.n : top.n + 1] if top.fn.ntop > 1 and len(inputs) == top.fn.ntop else inputs


def _ancestors(top: Top) -> dict[Top, Map]:
    """Every blob that leads to this one through layers with a map, with the map from it to this one."""
    found: dict[Top, Map] = {top: IDENTITY}
    pending = [top]
    while pending:
        current = pending.pop()
        bottoms = _source(current)
        if not bottoms:
            continue
        try:
            step = compose(found[current], coord_map(current.fn))
        except UndefinedMapException:
            continue
        for bottom in bottoms:
            if bottom not in found:
                found[bottom] = step
                pending.append(bottom)
    return found


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map from one blob's coordinates to another's, through a blob that both come from."""
    ours, theirs = _ancestors(top_from), _ancestors(top_to)
    for common, there in theirs.items():
        if common in ours:
            return compose(there, inverse(ours[common]))
    raise CaffeError(
        "Could not compute map between tops; are they connected by spatial layers?",
        hint="Both must come from one blob through convolutions, poolings and layers that work value by value.",
    )


def crop(top_from: Top, top_to: Top) -> Any:
    """A Crop layer that cuts `top_from` to where `top_to` lies in it."""
    axis, a, b = coord_map_from_to(top_from, top_to)
    if not np.all(np.asarray(a) == 1):
        raise CaffeAssertionError(f"scale mismatch on crop (a = {a})", hint="Both blobs must have the same stride.")
    if not np.all(np.asarray(b) <= 0):
        raise CaffeAssertionError(f"cannot crop negative offset (b = {b})", hint="Pad the blob that is to be cropped.")
    if not np.all(np.round(b) == b):
        raise CaffeAssertionError(f"cannot crop noninteger offset (b = {b})")
    offset = [int(side) for side in np.atleast_1d(-np.asarray(b))]
    return Crop(top_from, top_to, crop_param={"axis": 2 if axis is None else axis + 1, "offset": offset})
