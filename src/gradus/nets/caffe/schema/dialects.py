"""Binary messages of BVLC's, NVIDIA's and SSD's Caffe, which give some numbers to different fields (catalogue 0.1).

The wire type tells them apart. What collides has a number of its own in memory, so a message's bytes are
moved from the file's numbers to ours and back.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError

from gradus.core.errors import InputError
from gradus.data.wire import BYTES, FIXED32, VARINT, Walk, varint
from gradus.nets.caffe.schema import nvidia
from gradus.nets.caffe.schema.pool import fields_of, message_class

FIELD_LIMIT = 300_000  # in one message; a network of 5,000 layers has a third

Tag = tuple[int, int]  # a field's number and wire type

# In a file, by message: which tags are not what BVLC means by the number, and the number in memory.
_TO_MEMORY: dict[str, dict[Tag, int]] = {
    "LayerParameter": {**{(number, VARINT): 10000 + number for number in range(145, 149)}, (151, BYTES): 146},
    "SolverParameter": {(42, FIXED32): 10042},
    # SSD before NVIDIA took it over; its crop_h and crop_w (11, 12) cannot be told from NVIDIA's resize fields.
    "TransformationParameter": {(number, BYTES): 200 + number for number in (8, 9, 10, 13, 14)},
}
_RAMPUP_INTERVAL = (41, VARINT)  # BVLC: layer_wise_reduce. NVIDIA's where any field of hers is beside it
_NVIDIA_SOLVER = range(42, 57)
_TO_NVIDIA: dict[str, dict[Tag, int]] = {
    "LayerParameter": {**{(10000 + number, VARINT): number for number in range(145, 149)}, (146, BYTES): 151},
    "SolverParameter": {(10041, VARINT): 41, (10042, FIXED32): 42, (20041, VARINT): 41},
}
# From which number on a message holds settings, with which forks do as they like; below are names, tops, rules.
_SETTINGS = {"LayerParameter": 100, "V1LayerParameter": 9, "TransformationParameter": 8}
# The parts of a message that are messages with such fields themselves.
_INNER: dict[str, dict[int, str]] = {
    "NetParameter": {100: "LayerParameter", 2: "V1LayerParameter"},
    "LayerParameter": {100: "TransformationParameter"},
    "V1LayerParameter": {36: "TransformationParameter"},
    "SolverParameter": {21: "NetParameter", 22: "NetParameter", 25: "NetParameter"},
}


def from_wire(data: bytes | memoryview, name: str, walk: Walk | None = None) -> Any:
    """A message of that name from the bytes of any dialect.

    Settings that cannot be read are left out: forks use numbers as they like. `walk` counts the fields of the file
    that the message is a part of. `InputError` if it is damaged.
    """
    walk = walk or Walk(FIELD_LIMIT)
    message = message_class(name)()
    try:
        message.MergeFromString(_moved(data, name, _TO_MEMORY, walk))
    except DecodeError:
        message = _without_unknown(data, name, walk)
    _refuse_other_than_text(message)
    return message


def _refuse_other_than_text(message: Any) -> None:
    """Where a text is not UTF-8, protobuf gives its bytes; nobody would expect them."""
    for field, value in message.ListFields():
        parts = value if field.is_repeated else [value]
        if field.message_type:
            for part in parts:
                _refuse_other_than_text(part)
        elif field.type == field.TYPE_STRING and any(isinstance(part, bytes) for part in parts):
            raise InputError(f"The {field.name} of a {message.DESCRIPTOR.name} is not UTF-8 text")


def speaks_nvidia(message: Any) -> bool:
    """Whether a solver's or net's text sets a field that only NVIDIA's Caffe has: her defaults are meant then."""
    for field, value in message.ListFields():
        if field.name in fields_of(nvidia.MESSAGES).get(message.DESCRIPTOR.name, ()):
            return True
        if field.message_type and any(map(speaks_nvidia, value if field.is_repeated else [value])):
            return True
    return False


def to_nvidia(message: Any) -> bytes:
    """The bytes of a message as NVIDIA's Caffe numbers its fields. BVLC's are those that protobuf makes."""
    return _moved(message.SerializePartialToString(), message.DESCRIPTOR.name, _TO_NVIDIA, Walk(sys.maxsize))


def _moved(data: bytes | memoryview, name: str, moves: Mapping[str, Mapping[Tag, int]], walk: Walk) -> bytes:
    """The same message with other numbers."""
    found = list(walk.fields(data))
    here = dict(moves.get(name, {}))
    if moves is _TO_MEMORY and name == "SolverParameter" and any(
        number in _NVIDIA_SOLVER and (number, kind) != (42, BYTES) for number, kind, _ in found
    ):  # fmt: skip
        here[_RAMPUP_INTERVAL] = 10041
    inner = _INNER.get(name, {})
    parts: list[bytes | memoryview] = []
    for number, kind, value in found:
        parts.append(varint(here.get((number, kind), number) << 3 | kind))
        if isinstance(value, int):
            parts.append(varint(value))
            continue
        if kind == BYTES and number in inner:
            value = memoryview(_moved(value, inner[number], moves, walk))
        parts += [varint(len(value)), value] if kind == BYTES else [value]
    return b"".join(parts)


def _without_unknown(data: bytes | memoryview, name: str, walk: Walk) -> Any:
    """The message field by field, without those that are something else in the fork that wrote it."""
    message = message_class(name)()
    for number, kind, value in walk.fields(data):
        head = varint(number << 3 | kind)
        if isinstance(value, int):
            one = head + varint(value)
        else:
            one = head + (varint(len(value)) if kind == BYTES else b"") + bytes(value)
        try:
            message.MergeFrom(message_class(name).FromString(_moved(one, name, _TO_MEMORY, walk)))
        except DecodeError as problem:
            if number < _SETTINGS.get(name, number + 1):
                raise InputError(f"The {name} is damaged in its field {number}") from problem
    return message
