"""Weights in and out: Caffe's `.caffemodel` (binary protobuf) and our own safetensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.base import Layer, times
from gradus.nets.caffe.schema import message_class

FILE_LIMIT = 2**31 - 1  # bytes: protobuf reads no more


def read_caffemodel(path: Path) -> dict[str, list[np.ndarray]]:
    """The blobs of every layer that has some, by layer name."""
    try:
        size = path.stat().st_size
        if size > FILE_LIMIT:
            raise NetworkError(f"{path.name} is larger than 2 GiB, which no caffemodel can be", file=str(path))
        data = path.read_bytes()
    except OSError as problem:
        raise NetworkError(f"{path} cannot be read: {problem.strerror}", file=str(path)) from problem
    net = message_class("NetParameter")()
    try:
        net.ParseFromString(data)
    except DecodeError as problem:
        raise NetworkError(
            f"{path.name} is not a caffemodel, or is cut short", file=str(path), hint="Copy or download it again."
        ) from problem
    if not net.layer and not net.layers:
        raise NetworkError(f"{path.name} holds no layers", file=str(path), hint="Is it a solverstate?")
    layers = net.layer or net.layers
    return {layer.name: [_array(blob, layer.name, path) for blob in layer.blobs] for layer in layers if layer.blobs}


def _array(blob: Any, layer: str, path: Path) -> np.ndarray:
    """A blob's values in its own shape; files of before 2015 have four sizes instead of a shape."""
    old = any(blob.HasField(side) for side in ("num", "channels", "height", "width"))
    shape = [blob.num, blob.channels, blob.height, blob.width] if old else list(blob.shape.dim)
    values = np.asarray(blob.double_data or blob.data, np.float32)
    if any(side < 0 for side in shape) or int(np.prod(shape, dtype=object)) != values.size:
        raise NetworkError(
            f'{path.name}: a blob of layer "{layer[:80]}" has {values.size:,} values, not {times(shape)}',
            file=str(path), hint="The file is damaged.",
        )  # fmt: skip
    return values.reshape(shape)


def copy_blobs(layers: Mapping[str, Layer], given: Mapping[str, Sequence[np.ndarray]], source: str) -> list[str]:
    """Copy blobs by layer name, as Caffe does; layers that the file lacks keep theirs. Gives the names copied."""
    copied = []
    for name, layer in layers.items():
        arrays = given.get(name)
        if arrays is None or not layer.blobs:
            continue
        if len(arrays) != len(layer.blobs):
            raise NetworkError(
                f'layer "{name}" has {len(layer.blobs)} blobs and {len(arrays)} in the weights', file=source
            )
        for blob, array in zip(layer.blobs, arrays, strict=True):
            tensor = getattr(layer, blob.name)
            if not _fits(array.shape, tuple(tensor.shape)):
                raise NetworkError(
                    f'layer "{name}": its {blob.name} is {times(tensor.shape)} and {times(array.shape)} in the weights',
                    file=source, hint="Rename the layer to train it from new weights.",
                )  # fmt: skip
            with torch.no_grad():
                tensor.copy_(torch.from_numpy(array).reshape(tensor.shape))
        copied.append(name)
    return copied


def _fits(given: Sequence[int], wanted: Sequence[int]) -> bool:
    """Equal, or equal once leading ones are left out: old files have four sizes always."""

    def bare(shape: Sequence[int]) -> list[int]:
        shape = list(shape)
        while shape and shape[0] == 1:
            shape.pop(0)
        return shape

    return list(given) == list(wanted) or (len(given) == 4 and bare(given) == bare(wanted))


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a snapshot."""
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as problem:
        raise NetworkError(f"{path} cannot be read as safetensors: {problem}", file=str(path)) from problem


def caffemodel_bytes(name: str, layers: Sequence[Layer]) -> bytes:
    """A caffemodel of these layers, in the form of today's Caffe."""
    net = message_class("NetParameter")(name=name)
    for layer in layers:
        message = net.layer.add()
        message.CopyFrom(layer.definition.message)
        message.ClearField("include")
        message.ClearField("exclude")
        for blob in layer.blobs:
            tensor = getattr(layer, blob.name).detach().float().cpu()
            proto = message.blobs.add()
            proto.ParseFromString(_packed(tensor.contiguous().numpy()))
            proto.shape.dim.extend(tensor.shape)
    return bytes(net.SerializeToString())


def _packed(values: np.ndarray) -> bytes:
    """A BlobProto's wire form with only its `data`: extending the field one by one takes a hundred times as long."""
    length, size = bytearray(), values.size * 4
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x2a" + bytes(length) + values.astype("<f4").tobytes()
