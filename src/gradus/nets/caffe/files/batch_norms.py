"""BatchNorm in the files of three Caffes (catalogue 1.3), brought to one order and back.

BVLC: mean, variance, factor; scale and bias are a Scale layer's. NVIDIA 0.16 and 0.17, and in memory: the same
three, and scale and bias with them. NVIDIA 0.15: scale, bias, mean, variance and a blob that is not used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradus.nets.caffe.files.stored import Stored, Weights, by_place
from gradus.nets.caffe.layers.batch import from_nvidia_015, to_nvidia_015
from gradus.nets.caffe.schema import copied, message_class
from gradus.nets.caffe.text.prototxt import Definition

TYPE = "BatchNorm"
Dialect = Literal["bvlc", "nvidia", "nvidia-0.15"]
Arrays = Sequence[NDArray[Any] | None]  # None: another layer owns it

_ONE = np.ones(1, np.float32)


def in_order(kind: str, stored: Mapping[str, Stored]) -> Mapping[str, Stored]:
    """A layer's blobs in the order of memory; only those of a BatchNorm with five can have another."""
    if kind != TYPE or set(stored) != set("01234"):
        return stored
    blobs = [stored[str(i)] for i in range(5)]
    if _is_nvidia_015(blobs):
        blobs = from_nvidia_015(blobs)
        blobs[2] = Stored.of(_ONE)  # 0.15 leaves it unset
    return by_place([replace(blob, shape=(math.prod(blob.shape),)) for blob in blobs])  # cuDNN's layer has 1xCx1x1


def _is_nvidia_015(blobs: Sequence[Stored]) -> bool:
    """A single number at the end; where there is only one channel, the factor of 1 in the middle tells 0.16."""
    last, middle = math.prod(blobs[4].shape), math.prod(blobs[2].shape)
    return last == 1 and (middle != 1 or float(blobs[2].read().reshape(-1)[0]) != 1.0)


def match_dialect(definitions: Iterable[Definition], weights: Weights) -> list[Definition]:
    """The definitions as the weights ask for: a BatchNorm with five blobs in the file has scale and bias.

    NVIDIA 0.15 always has them, and its texts do not say so. To be called before the net is built.
    """
    return [
        _with_scale_bias(d) if d.message.type == TYPE and len(weights.layers.get(d.message.name, ())) == 5 else d
        for d in definitions
    ]


def ask_for_scale(definition: Definition, stored: int) -> str | None:
    """What to do where a net was built without the scale and bias that the file has for it."""
    if definition.message.type != TYPE or stored != 5:
        return None
    return (
        "The file is NVIDIA's: write batch_norm_param { scale_bias: true } or give the weights when the net is built."
    )


def _with_scale_bias(definition: Definition) -> Definition:
    p = definition.message.batch_norm_param
    if p.scale_bias or p.HasField("scale_filler") or p.HasField("bias_filler"):
        return definition
    message = copied(definition.message)
    message.batch_norm_param.scale_bias = True
    return replace(definition, message=message)


def in_dialect(
    messages: Sequence[Any], blobs: Mapping[str, Arrays], dialect: Dialect
) -> tuple[list[Any], dict[str, Arrays], list[str]]:
    """Layers and their blobs as a Caffe writes them, with a sentence for each layer that is not what it was."""
    written, found, notes = list[Any](), dict(blobs), list[str]()
    names = {message.name for message in messages}
    for message in messages:
        mine = list(blobs.get(message.name, ()))
        written.append(message)
        if message.type != TYPE:
            continue
        if dialect == "nvidia-0.15":
            found[message.name] = _for_015(mine)
        elif dialect == "bvlc" and len(mine) == 5:
            name = _free(f"{message.name}_scale", names)
            written[-1:] = _as_two(message, name)
            found[message.name], found[name] = mine[:3], mine[3:]
            notes.append(f'the scale and bias of layer "{message.name}" are written as a Scale layer, "{name}"')
    return written, found, notes


def _for_015(blobs: Sequence[NDArray[Any] | None]) -> list[NDArray[Any] | None]:
    """Five blobs in the order of 0.15, which knows no factor and always has scale and bias."""
    mean, variance, factor, *learned = blobs
    if mean is None or variance is None or factor is None:
        return list(blobs)
    count = float(factor.reshape(-1)[0])
    share = 1 / count if count else 0.0
    scale, bias = learned or (np.ones_like(mean), np.zeros_like(mean))
    return to_nvidia_015([mean * share, variance * share, _ONE, scale, bias])


def _as_two(message: Any, name: str) -> list[Any]:
    """BVLC's BatchNorm and the Scale after it, in place of NVIDIA's."""
    plain = copied(message)
    for field in ("scale_filler", "bias_filler", "scale_bias", "engine"):
        plain.batch_norm_param.ClearField(field)
    del plain.param[3:]
    scale = message_class("LayerParameter")(name=name, type="Scale", bottom=message.top, top=message.top)
    scale.scale_param.bias_term = True
    return [plain, scale]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
