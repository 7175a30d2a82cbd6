"""`gradus caffe upgrade IN OUT`: networks and solvers of older Caffes, text or binary, in today's notation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradus.core.errors import NetworkError
from gradus.data.files import write_bytes
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.nets.caffe.files.caffemodel import read_caffemodel, read_definition, write_caffemodel
from gradus.nets.caffe.files.hdf5 import MAGIC
from gradus.nets.caffe.text.prototxt import parse, print_text
from gradus.nets.caffe.text.upgrade import upgrade, upgrade_solver

UPGRADES = {"NetParameter": upgrade, "SolverParameter": upgrade_solver}


def run(given: Given, log: Log) -> None:
    """Upgrade one file. What it holds is seen from its content; text stays text and binary stays binary."""
    if len(given.words) != 3:
        raise UsageError("upgrade needs two files", hint="gradus caffe upgrade IN OUT")
    source, target = map(Path, given.words[1:])
    data = source.read_bytes()
    text = _text(data)
    if text is None:
        _binary(data, source, target)
        log("upgrade_proto.cpp:1", f"Wrote upgraded NetParameter binary proto to {target}")
        return
    kind, message = read_text(text, source)
    new = UPGRADES[kind](message, str(source))
    if new == message:
        log.warn("upgrade_proto.cpp:1", f"File already in latest proto format: {source}")
    write_bytes(target, print_text(new).encode())
    log("upgrade_proto.cpp:1", f"Wrote upgraded {kind} text proto to {target}")


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


def _binary(data: bytes, source: Path, target: Path) -> None:
    """A network with weights, of any age and dialect; its blobs come out in today's form."""
    if data.startswith(MAGIC):
        raise NetworkError(
            f"{source} is an HDF5 file, which holds weights only: nothing in it grows old", file=str(source)
        )
    weights, net = read_caffemodel(source), read_definition(source)
    write_caffemodel(target, net.name, net.layer, weights.arrays())
