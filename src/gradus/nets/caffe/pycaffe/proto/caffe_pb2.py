"""Caffe's messages and constants by name: `caffe_pb2.NetParameter()`, `caffe_pb2.TRAIN`."""

from __future__ import annotations

from typing import Any

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from gradus.nets.caffe.pycaffe.errors import CaffeAttributeError
from gradus.nets.caffe.schema import message_class

DESCRIPTOR = message_class("NetParameter").DESCRIPTOR.file
TRAIN, TEST = 0, 1  # caffe.Phase


def __getattr__(name: str) -> Any:
    """A message class, an enum, or a value of an enum that belongs to no message."""
    if name in DESCRIPTOR.message_types_by_name:
        return message_class(name)
    for enum in DESCRIPTOR.enum_types_by_name.values():
        if name == enum.name:
            return EnumTypeWrapper(enum)
        if name in enum.values_by_name:
            return enum.values_by_name[name].number
    raise CaffeAttributeError(f"Caffe's schema has no message {name!r}")


def __dir__() -> list[str]:
    """All messages and enums."""
    return sorted([*DESCRIPTOR.message_types_by_name, *DESCRIPTOR.enum_types_by_name, "DESCRIPTOR", "TRAIN", "TEST"])
