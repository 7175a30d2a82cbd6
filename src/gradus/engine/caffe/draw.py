"""`gradus caffe draw IN OUT`: a network as a picture."""

from __future__ import annotations

from pathlib import Path

from gradus.core.errors import GradusError, NetworkError
from gradus.core.network import Graph, NetworkInput, Phase
from gradus.data.files import write_bytes
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.engine.caffe.time import phase_of
from gradus.nets.caffe.graph.sketch import sketch
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.sources.table import SOURCES, open_source
from gradus.nets.caffe.text.prototxt import parse_network
from gradus.nets.caffe.text.prototxt import read_text as read
from gradus.nets.caffe.text.rules import TEST, TRAIN, State, included
from gradus.nets.drawing.dot import dot
from gradus.nets.drawing.graphviz import graphviz
from gradus.nets.drawing.svg import DIRECTIONS, svg

OWN = {".svg": svg, ".dot": dot, ".gv": dot}
GRAPHVIZ = (".png", ".pdf", ".jpg", ".ps")
SIDE = 224  # of pictures, where no data is at hand and the text says no size
CHANNELS = (3, 1, 2)  # then tried in turn: colour, gray, pairs of gray pictures


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
    phase = TRAIN if phase_of(given) == "train" else TEST
    state = State.of(phase, *given.listed("stage"), level=given.level)
    text = read(source)
    graph = _graph(text, source, state, log)
    log("draw_net.py:1", f"Drawing net to {target}")
    if target.suffix in OWN:
        write_bytes(target, OWN[target.suffix](graph, given.rankdir).encode())
    else:
        write_bytes(target, graphviz(dot(graph, given.rankdir), target.suffix[1:]))


def _graph(text: str, source: Path, state: State, log: Log) -> Graph:
    """The network for pictures of the size that its database has, or else of the first size that it can be for."""
    phase: Phase = "train" if state.phase == TRAIN else "val"
    size = _size(text, source, state, log)
    if size is not None:
        return sketch(text, size, phase, str(source), state=state)
    problems: list[NetworkError] = []
    for channels in CHANNELS:
        given = NetworkInput(width=SIDE, height=SIDE, channels=channels, classes=0)
        try:
            return sketch(text, given, phase, str(source), state=state)
        except NetworkError as problem:
            problems.append(problem)
    raise problems[0]


def _size(text: str, source: Path, state: State, log: Log) -> NetworkInput | None:
    """The size of the pictures in the first database; None where there is none at hand."""
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
            log.warn("draw_net.py:1", f"{problem}; {SIDE} x {SIDE} pixels are drawn where the text says no size")
            continue
        if len(shape) == 4:
            return NetworkInput(width=shape[3], height=shape[2], channels=shape[1], classes=0)
    return None
