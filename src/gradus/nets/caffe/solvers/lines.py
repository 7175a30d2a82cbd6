"""What a training says, word for word as Caffe 1.0 does: people's scripts and DIGITS read it (catalogue 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor

from gradus.nets.caffe.files.weights import Copied

Log = Callable[[str, str], object]
"""Hears a line: the place in Caffe's source (release 1.0) that says it there, and the words."""


def quiet(_place: str, _words: str) -> None:
    """A log that nobody reads."""


def weights(log: Log, source: str, copied: Copied) -> None:
    """What a file of weights was of no use for."""
    for name in copied.unused:
        log("net.cpp:740", f"Ignoring source layer {name}")
    if not copied.layers:
        log("net.cpp:740", f"No layer took weights from {source}: the network has none of its layers")


def number(value: float) -> str:
    """A number as C++ streams print it: six significant digits."""
    return f"{value:g}"


def weighed(value: float, weight: float) -> str:
    """A value, and what it adds to the loss."""
    return f"{number(value)} (* {number(weight)} = {number(weight * value)} loss)" if weight else number(value)


def outputs(values: Mapping[str, Tensor], weights: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Each number of each output, in the order of the alphabet: the output's name, and the number as it is shown."""
    for name in sorted(values):
        for value in values[name].flatten().tolist():
            yield name, weighed(value, weights.get(name, 0.0))
