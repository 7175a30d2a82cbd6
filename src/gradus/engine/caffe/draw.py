"""`gradus caffe draw IN OUT`: a network as a picture."""

from __future__ import annotations

from pathlib import Path

from gradus.core.errors import GradusError
from gradus.core.network import NetworkInput
from gradus.data.files import write_bytes
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.engine.caffe.time import phase_of
from gradus.nets.caffe.rules import TEST, TRAIN, State, included
from gradus.nets.caffe.sketch import sketch
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.sources.table import SOURCES, open_source
from gradus.nets.caffe.text import parse_network
from gradus.nets.caffe.text import read_text as read
from gradus.nets.drawing.dot import dot
from gradus.nets.drawing.graphviz import graphviz
from gradus.nets.drawing.svg import DIRECTIONS, svg

OWN = {".svg": svg, ".dot": dot, ".gv": dot}
GRAPHVIZ = (".png", ".pdf", ".jpg", ".ps")
ASSUMED = NetworkInput(width=224, height=224, channels=3, classes=0)  # where no data is at hand and nothing says a size


def run(given: Given, log: Log) -> None:
    """Draw one network; the ending of OUT says how."""
    if len(given.words) != 3:
        raise UsageError("draw needs two files", hint="gradus caffe draw IN.prototxt OUT.svg")
    source, target = map(Path, given.words[1:])
    if given.rankdir not in DIRECTIONS:
        raise UsageError(f"--rankdir is one of {', '.join(DIRECTIONS)}", field="--rankdir")
    if target.suffix not in (*OWN, *GRAPHVIZ):
        known = ", ".join((*OWN, *GRAPHVIZ))
        raise UsageError(f"{target} has no ending that can be drawn", hint=f"There are {known}.")
    training = phase_of(given) == "train"
    state = State.of(TRAIN if training else TEST, *given.listed("stage"), level=given.level)
    text = read(source)
    graph = sketch(text, _size(text, source, state, log), "train" if training else "val", str(source), state=state)
    log("draw_net.py:1", f"Drawing net to {target}")
    if target.suffix in OWN:
        write_bytes(target, OWN[target.suffix](graph, given.rankdir).encode())
    else:
        write_bytes(target, graphviz(dot(graph, given.rankdir), target.suffix[1:]))


def _size(text: str, source: Path, state: State, log: Log) -> NetworkInput:
    """The size of the pictures: their database's where it is at hand."""
    _, definitions = parse_network(text, str(source))
    for definition in definitions:
        message = definition.message
        if message.type not in SOURCES or not included(state, message.include, message.exclude):
            continue
        try:
            found = open_source(definition, Reading(training=False))
            shape = found.shapes()[0]
            found.close()
        except GradusError as problem:
            log.warn("draw_net.py:1", f"{problem}; pictures of 3 x 224 x 224 are drawn where the text says no size")
            continue
        if len(shape) == 4:
            return ASSUMED.model_copy(update={"channels": shape[1], "height": shape[2], "width": shape[3]})
    return ASSUMED
