"""`gradus caffe deploy IN OUT`: the text of a network that predicts, from the one that it is trained with."""

from __future__ import annotations

from pathlib import Path

from gradus.data.files import write_bytes
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.sources.table import SOURCES, open_source
from gradus.nets.caffe.text.deploy import deploy_text
from gradus.nets.caffe.text.prototxt import Definition, parse_network
from gradus.nets.caffe.text.prototxt import read_text as read
from gradus.nets.caffe.text.rules import TEST, State, included


def run(given: Given, log: Log) -> None:
    """Write the text; what comes in is as large as the first batch of the phase TEST."""
    if len(given.words) != 3:
        raise UsageError("deploy needs two files", hint="gradus caffe deploy TRAIN_TEST.prototxt DEPLOY.prototxt")
    source, target = map(Path, given.words[1:])
    state = State.of(TEST, *given.listed("stage"), level=given.level)
    net, definitions = parse_network(read(source), str(source))
    chosen = [d for d in definitions if included(state, d.message.include, d.message.exclude)]
    shapes = {d.message.name: _shapes(d) for d in chosen if d.message.type in SOURCES}
    write_bytes(target, deploy_text(net.name, chosen, shapes).encode())
    log("deploy_net.cpp:1", f"Wrote deploy NetParameter text proto to {target}")


def _shapes(definition: Definition) -> list[Shape]:
    """What a data layer gives."""
    source = open_source(definition, Reading(training=False))
    try:
        return source.shapes()
    finally:
        source.close()
