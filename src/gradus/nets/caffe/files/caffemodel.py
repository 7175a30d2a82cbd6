"""`.caffemodel` in and out: a NetParameter in binary, of any age and dialect (catalogue 4.3).

The file is mapped into memory and walked by hand: blobs stay where they are until they are copied into a
network, and protobuf only sees what is left without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gradus.core.errors import InputError, NetworkError
from gradus.data.blobs import decode_blob, encode_blob, head_of, tagged
from gradus.data.wire import BYTES, Walk, varint
from gradus.nets.caffe.files.stored import Stored, Weights, by_place, explained, map_file, text_of, write_parts
from gradus.nets.caffe.schema import copied, message_class
from gradus.nets.caffe.schema.dialects import FIELD_LIMIT, from_wire, to_nvidia
from gradus.nets.caffe.text.upgrade import upgrade

LAYER_LIMIT = 20_000  # a net's layers and the Splits between them
SETTINGS_LIMIT = 2**22  # bytes of all that is not blobs

_LAYER, _V1_LAYER = 100, 2  # in NetParameter
_LAYERS = {_LAYER: "LayerParameter", _V1_LAYER: "V1LayerParameter"}
_NAME = {_LAYER: 1, _V1_LAYER: 4}
_BLOBS = {_LAYER: 7, _V1_LAYER: 6}
_V0, _V0_NAME, _V0_BLOBS = 1, 1, 50  # V1LayerParameter.layer, and in it


def read_caffemodel(path: Path) -> Weights:
    """The blobs of every layer of a caffemodel. `NetworkError` if it is none, or damaged."""
    with explained(path, "a caffemodel"):
        view, forget = map_file(path)
        walk = Walk(FIELD_LIMIT)
        layers: dict[str, dict[str, Stored]] = {}
        for number, kind, value in walk.fields(view):
            if number in _LAYERS and kind == BYTES and isinstance(value, memoryview):
                name, blobs = _layer(walk, number, value)
                if blobs or name not in layers:
                    layers[name] = by_place([_stored(path, name, blob, walk) for blob in blobs])
            if len(layers) > LAYER_LIMIT:
                raise InputError(f"it has more than {LAYER_LIMIT:,} layers")
    if not layers:
        raise NetworkError(f"{path.name} holds no layers", file=str(path), hint="Is it a solverstate?")
    return Weights(str(path), layers, forget)


def _layer(walk: Walk, version: int, layer: memoryview) -> tuple[str, list[memoryview]]:
    """A layer's name and its blobs, not looked into."""
    name: int | memoryview | None = None
    blobs: list[memoryview] = []
    for number, kind, value in walk.fields(layer):
        if number == _NAME[version]:
            name = value
        elif kind != BYTES or not isinstance(value, memoryview):
            continue
        elif number == _BLOBS[version]:
            blobs.append(value)
        elif version == _V1_LAYER and number == _V0:
            for inner, inner_kind, part in walk.fields(value):
                if inner == _V0_NAME:
                    name = part
                elif inner == _V0_BLOBS and inner_kind == BYTES and isinstance(part, memoryview):
                    blobs.append(part)
    return text_of(name), blobs


def _stored(path: Path, layer: str, blob: memoryview, walk: Walk) -> Stored:
    try:
        return Stored.of(decode_blob(blob, walk))
    except InputError as problem:
        raise NetworkError(
            f'{path.name}: layer "{layer[:80]}": {problem}', file=str(path), hint="The file is damaged."
        ) from problem


def read_definition(path: Path) -> Any:
    """What a caffemodel says of its network, in today's notation: a NetParameter without blobs."""
    net = message_class("NetParameter")()
    with explained(path, "a caffemodel"):
        view, _ = map_file(path)
        walk, rest, total = Walk(FIELD_LIMIT), bytearray(), 0
        for number, kind, value in walk.fields(view):
            if number in _LAYERS and kind == BYTES and isinstance(value, memoryview):
                settings = _without_blobs(walk, number, value)
                (net.layer if number == _LAYER else net.layers).append(from_wire(settings, _LAYERS[number], walk))
            else:
                settings = _field(number, kind, value)
                rest += settings
            total += len(settings)
            if total > SETTINGS_LIMIT or len(net.layer) + len(net.layers) > LAYER_LIMIT:
                raise InputError("it says more of its layers than any network does")
        net.MergeFrom(from_wire(bytes(rest), "NetParameter", walk))
    return upgrade(net, str(path))


def _without_blobs(walk: Walk, version: int, layer: memoryview) -> bytes:
    parts = []
    for number, kind, value in walk.fields(layer):
        if version == _V1_LAYER and number == _V0 and isinstance(value, memoryview):
            inner = b"".join(_field(*found) for found in walk.fields(value) if found[0] != _V0_BLOBS)
            parts.append(tagged(_V0, inner))
        elif number != _BLOBS[version]:
            parts.append(_field(number, kind, value))
    return b"".join(parts)


def _field(number: int, kind: int, value: int | memoryview) -> bytes:
    """A field's bytes again."""
    if isinstance(value, int):
        return varint(number << 3 | kind) + varint(value)
    return tagged(number, bytes(value)) if kind == BYTES else varint(number << 3 | kind) + bytes(value)


def write_caffemodel(
    path: Path,
    name: str,
    layers: Sequence[Any],
    blobs: Mapping[str, Sequence[NDArray[Any]]],
    *,
    nvidia: bool = False,
) -> None:
    """Write layers (LayerParameter messages) and their blobs by layer name, in today's form, whole or not at all.

    `nvidia` gives the layers' settings NVIDIA's field numbers; names, types and blobs are the same in all dialects.
    """
    parts = [tagged(1, name.encode())] if name else []
    for layer in layers:
        message = copied(layer, "blobs")
        inner = [to_nvidia(message) if nvidia else message.SerializePartialToString()]
        for blob in blobs.get(layer.name, ()):
            pieces = encode_blob(blob)
            inner += [head_of(_BLOBS[_LAYER], sum(map(len, pieces))), *pieces]
        parts += [head_of(_LAYER, sum(map(len, inner))), *inner]
    write_parts(path, parts, "Write them as HDF5: give the file the ending .caffemodel.h5.")
