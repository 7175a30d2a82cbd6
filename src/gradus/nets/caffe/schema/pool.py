"""The schema tables become protobuf message classes: no .proto file and no compiler are needed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from gradus.nets.caffe.schema import bvlc

_PACKAGE = "caffe"
_FIELD = re.compile(r"(\w+)=(\d+) (?:(rep|req) )?([\w.]+)( packed)?(?: \[(.*)\])?$")
_ENUM = re.compile(r"([\w.]+)\{(.*)\}$")
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("int32", "int64", "uint32", "uint64", "float", "double", "bool", "string", "bytes")
}
_LABELS = {None: _Field.LABEL_OPTIONAL, "rep": _Field.LABEL_REPEATED, "req": _Field.LABEL_REQUIRED}


def _entries(table: str) -> list[str]:
    """The table's entries; a line that starts with a blank continues the entry before it."""
    return re.sub(r"\n\s+", " ", table.strip()).split("\n")


def _add_field(message: descriptor_pb2.DescriptorProto, text: str, enums: frozenset[str]) -> None:
    match = _FIELD.match(text)
    if match is None:
        raise ValueError(f"{message.name}: cannot read the field {text!r} of the schema table")
    name, number, label, kind, packed, default = match.groups()
    field = message.field.add(name=name, number=int(number), label=_LABELS[label])
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _Field.TYPE_ENUM if kind in enums else _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    if packed:
        field.options.packed = True
    if default is not None:
        field.default_value = default


def file_descriptor(messages: str, enums: str) -> descriptor_pb2.FileDescriptorProto:
    """One file that declares the tables' messages; an enum `A.B` is nested in message `A`."""
    file = descriptor_pb2.FileDescriptorProto(name="gradus/caffe.proto", package=_PACKAGE, syntax="proto2")
    values = {match[1]: match[2] for entry in _entries(enums) if (match := _ENUM.match(entry))}
    names = frozenset(values)
    declared: dict[str, descriptor_pb2.DescriptorProto] = {}
    for entry in _entries(messages):
        name, _, fields = entry.partition(": ")
        declared[name] = file.message_type.add(name=name)
        for text in filter(None, fields.split("; ")):
            _add_field(declared[name], text, names)
    for name, pairs in values.items():
        owner, _, inner = name.rpartition(".")
        enum = declared[owner].enum_type.add(name=inner) if owner else file.enum_type.add(name=name)
        for pair in pairs.split(", "):
            key, _, number = pair.partition("=")
            enum.value.add(name=key, number=int(number))
    return file


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file_descriptor(bvlc.MESSAGES, bvlc.ENUMS))
    return pool


@cache
def message_class(name: str) -> Any:
    """The class of one message, by the name that Caffe gives it: `NetParameter`, `BlobProto`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))
