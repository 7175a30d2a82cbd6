"""`gradus caffe upgrade IN OUT`: networks and solvers of older Caffes, text or binary, in today's notation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from gradus.core.errors import NetworkError
from gradus.data.files import write_bytes
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text import parse, print_text
from gradus.nets.caffe.upgrade import upgrade, upgrade_solver

HDF5 = b"\x89HDF\r\n\x1a\n"
UPGRADES = {"NetParameter": upgrade, "SolverParameter": upgrade_solver}


def run(given: Given, log: Log) -> None:
    """Upgrade one file. What it holds is seen from its content; text stays text and binary stays binary."""
    if len(given.words) != 3:
        raise UsageError("upgrade needs two files", hint="gradus caffe upgrade IN OUT")
    source, target = map(Path, given.words[1:])
    data = source.read_bytes()
    text = _text(data)
    kind, message = read_text(text, source) if text is not None else ("NetParameter", read_binary(data, source))
    new = UPGRADES[kind](message, str(source))
    if new == message:
        log.warn("upgrade_proto.cpp:1", f"File already in latest proto format: {source}")
    write_bytes(target, print_text(new).encode() if text is not None else new.SerializeToString())
    log("upgrade_proto.cpp:1", f"Wrote upgraded {kind} {'text' if text is not None else 'binary'} proto to {target}")


def _text(data: bytes) -> str | None:
    """The content where it is text; weights have zero bytes or are not UTF-8."""
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def read_text(text: str, source: Path) -> tuple[str, Any]:
    """A network, or a solver where the text is none; an error is of the kind that was understood further."""
    failed: list[NetworkError] = []
    for kind in UPGRADES:
        try:
            return kind, parse(text, kind, str(source))[0]
        except NetworkError as error:
            failed.append(error)
    raise max(failed, key=lambda error: error.problem.line or 0)


def read_binary(data: bytes, source: Path) -> Any:
    """A network with weights."""
    if data.startswith(HDF5):
        raise NetworkError(
            f"{source} is an HDF5 file, which holds weights only: nothing in it grows old", file=str(source)
        )
    net = message_class("NetParameter")()
    try:
        net.ParseFromString(data)
    except DecodeError as problem:
        raise NetworkError(
            f"{source} is neither a text nor a caffemodel, or it is cut short", file=str(source)
        ) from problem
    return net
