"""Weights in and out of a net, whatever the file: caffemodel, HDF5, or our own safetensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gradus.core.errors import NetworkError
from gradus.nets.caffe.files.batch_norms import Arrays, Dialect, ask_for_scale, in_dialect, in_order
from gradus.nets.caffe.files.caffemodel import read_caffemodel, write_caffemodel
from gradus.nets.caffe.files.hdf5 import is_hdf5, read_hdf5, write_hdf5
from gradus.nets.caffe.files.stored import Stored, Weights, single
from gradus.nets.caffe.layers.base import Layer, times
from gradus.nets.caffe.schema import copied
from gradus.nets.caffe.text.prototxt import Definition
from gradus.nets.caffe.text.rules import RULES

REFIT = "Rename the layer, or let it be initialised anew, to train it from new weights."
Reinitialise = Collection[str] | Literal["mismatched"]


def read_weights(path: Path) -> Weights:
    """The blobs of a file by layer: `.safetensors` by its name, HDF5 by its first bytes, else a caffemodel."""
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    return read_hdf5(path) if is_hdf5(path) else read_caffemodel(path)


def read_safetensors(path: Path) -> Weights:
    """The tensors of a snapshot; `conv1.weight` is the blob `weight` of the layer `conv1`."""
    layers: dict[str, dict[str, Stored]] = {}
    try:
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118 - not a dict
                layer, _, blob = key.rpartition(".")
                layers.setdefault(layer, {})[blob] = Stored(tuple(file.get_slice(key).get_shape()), _tensor(path, key))
    except (OSError, SafetensorError) as problem:
        raise NetworkError(f"{path} cannot be read as safetensors: {problem}", file=str(path)) from problem
    return Weights(str(path), layers)


def _tensor(path: Path, key: str) -> Callable[[], NDArray[np.float32]]:
    def read() -> NDArray[np.float32]:
        with safe_open(path, "pt") as file:
            return np.asarray(file.get_tensor(key).float().numpy())

    return read


@dataclass(slots=True)
class Copied:
    """What became of a file's weights: the layers that took them, and those that kept their own, with the reason.

    `unused` are the layers of the file that the net does not have.
    """

    layers: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)


def copy_blobs(layers: Mapping[str, Layer], weights: Weights, *, reinitialise: Reinitialise = ()) -> Copied:
    """Copy blobs by layer name, as Caffe does; layers that the file lacks keep theirs, others of the file are ignored.

    A layer that does not fit is a NetworkError, unless `reinitialise` names it or is "mismatched": then it keeps
    what it has (the filling, in a new net).
    """
    copied, seen = Copied(unused=[name for name in weights.layers if name not in layers]), set[int]()
    for name, layer in layers.items():
        tensors = [getattr(layer, blob.name) for blob in layer.blobs]
        stored = weights.layers.get(name)
        if stored is not None and tensors:
            if reinitialise != "mismatched" and name in reinitialise:
                copied.kept[name] = "as was asked for"
            elif why := _copy(layer, tensors, stored, seen):
                if reinitialise != "mismatched":
                    raise NetworkError(
                        f'layer "{name}" {why} in the weights', file=weights.source, field=name,
                        hint=ask_for_scale(layer.definition, len(stored)) or REFIT,
                    )  # fmt: skip
                copied.kept[name] = why
            else:
                copied.layers.append(name)
                weights.forget()
        seen.update(map(_place, tensors))
    return copied


def _copy(layer: Layer, tensors: Sequence[Tensor], stored: Mapping[str, Stored], seen: Collection[int]) -> str:
    """Copy one layer's blobs, or say why they do not fit; nothing is copied then."""
    stored = in_order(layer.definition.message.type, stored)
    found = [stored.get(str(i), stored.get(blob.name)) for i, blob in enumerate(layer.blobs)]
    absent = [blob for blob, tensor in zip(found, tensors, strict=True) if blob is None and _place(tensor) not in seen]
    if absent or len(stored) > len(tensors):  # what another layer owns need not be there: HDF5 has it only once
        return f"has {len(tensors)} blobs and {len(stored)}"
    for blob, tensor, source in zip(layer.blobs, tensors, found, strict=True):
        if source is not None and not _fits(source.shape, tuple(tensor.shape)):
            return f"has a {blob.name} of {times(tensor.shape)}, and of {times(source.shape)}"
    for tensor, source in zip(tensors, found, strict=True):
        if source is not None:
            _fill(tensor.detach(), source.read())
    return ""


def _fill(tensor: Tensor, values: NDArray[Any]) -> None:
    if tensor.device.type == "cpu" and tensor.dtype is torch.float32:
        single(values, tensor.numpy())  # straight from the file
    else:
        tensor.copy_(torch.from_numpy(single(values)).reshape(tensor.shape))


def _fits(given: Sequence[int], wanted: Sequence[int]) -> bool:
    """Equal, or a shape of four sizes from the time before blobs had any shape: ones at the left do not count."""

    def bare(shape: Sequence[int]) -> list[int]:
        first = next((i for i, side in enumerate(shape) if side != 1), len(shape))
        return list(shape[first:])

    return list(given) == list(wanted) or (len(given) == 4 and len(wanted) < 4 and bare(given) == bare(wanted))


def write_weights(
    path: Path, name: str, definitions: Sequence[Definition], layers: Mapping[str, Layer], dialect: Dialect = "bvlc",
    *, hdf5: bool | None = None,
) -> list[str]:  # fmt: skip
    """Write a net's weights: as HDF5 where asked for or the path ends in `.h5`, else as a caffemodel.

    Gives a sentence for each layer that had to be written as something else (NVIDIA's BatchNorm for BVLC).
    """
    hdf5 = path.suffix == ".h5" if hdf5 is None else hdf5
    blobs = blobs_of(layers, owners_only=hdf5)
    messages, blobs, notes = in_dialect([copied(d.message, *RULES) for d in definitions], blobs, dialect)
    if hdf5:
        write_hdf5(path, messages, blobs)
    else:
        whole = cast("dict[str, Sequence[NDArray[Any]]]", blobs)  # a caffemodel repeats what is shared
        write_caffemodel(path, name, messages, whole, nvidia=dialect != "bvlc")
    return notes


def blobs_of(layers: Mapping[str, Layer], *, owners_only: bool = False) -> dict[str, Arrays]:
    """Every layer's blobs as arrays; with `owners_only` None for what an earlier layer has."""
    seen: set[int] = set()
    found: dict[str, Arrays] = {}
    for name, layer in layers.items():
        tensors = [getattr(layer, blob.name) for blob in layer.blobs]
        found[name] = [
            None if owners_only and _place(tensor) in seen else tensor.detach().float().cpu().numpy()
            for tensor in tensors
        ]
        seen.update(map(_place, tensors))
    return found


def _place(tensor: Tensor) -> int:
    """Where a tensor's values lie: the same for all layers that share them, in whatever shape."""
    return tensor.data_ptr() or id(tensor)
