"""The schema tables become protobuf message classes: no .proto file and no compiler are needed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from gradus.nets.caffe.schema import bvlc, nvidia, ssd

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
    return re.sub(r"\n +", " ", re.sub(r"\n+", "\n", table.strip())).split("\n")


@cache
def fields_of(table: str) -> dict[str, frozenset[str]]:
    """The names of the fields that a table adds, by message."""
    rows = (entry.partition(": ") for entry in _entries(table))
    return {name: frozenset(field.partition("=")[0] for field in fields.split("; ")) for name, _, fields in rows}


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
    """One file that declares the tables' messages; `A.B` is nested in message `A`, an entry named again goes on."""
    file = descriptor_pb2.FileDescriptorProto(name="gradus/caffe.proto", package=_PACKAGE, syntax="proto2")
    values = [match.groups() for entry in _entries(enums) if (match := _ENUM.match(entry))]
    names = frozenset(name for name, _ in values)
    declared: dict[str, Any] = {}  # messages and enums by name
    for entry in _entries(messages):
        name, _, fields = entry.partition(": ")
        if name not in declared:
            owner, _, inner = name.rpartition(".")
            declared[name] = (declared[owner].nested_type if owner else file.message_type).add(name=inner)
        for text in filter(None, fields.split("; ")):
            _add_field(declared[name], text, names)
    for name, pairs in values:
        if name not in declared:
            owner, _, inner = name.rpartition(".")
            declared[name] = (declared[owner] if owner else file).enum_type.add(name=inner)
        for pair in pairs.split(", "):
            key, _, number = pair.partition("=")
            declared[name].value.add(name=key, number=int(number))
    return file


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    tables = (bvlc, nvidia, ssd)
    pool.Add(file_descriptor("".join(t.MESSAGES for t in tables), "".join(t.ENUMS for t in tables)))
    return pool


@cache
def message_class(name: str) -> Any:
    """The class of one message, by the name that Caffe gives it: `NetParameter`, `BlobProto`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def copied(message: Any, *without: str) -> Any:
    """A copy of a message, without some of its fields."""
    copy = type(message)()
    copy.CopyFrom(message)
    for name in without:
        copy.ClearField(name)
    return copy
