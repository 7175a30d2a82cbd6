"""Prototxt to messages, with protobuf's own text format; whatever is wrong becomes a NetworkError with its line."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.scan import Lines, Scanned, scan
from gradus.nets.caffe.text.upgrade import upgrade_with_places

SIZE_LIMIT = 4 * 2**20  # characters; the largest networks known are a few hundred KiB
LAYER_LIMIT = 5000  # the deepest residual networks known have 3,500; each costs a fraction of a millisecond
WIRE_LIMIT = 30_000  # bottoms and tops of all layers

_UNKNOWN = re.compile(r'Message type "caffe\.(\w+)" has no field named "([^"]*)"')
_ENUM = re.compile(r'Enum type "caffe\.([\w.]+)" has no value named "?([^"]*?)"?\.?$')
_PLACE = re.compile(r"^(\d+):(?:(\d+) ?:)? *(?:'.*': (?=\w))?")  # protobuf may quote the whole line


@dataclass(slots=True)
class Definition:
    """One layer of the text: its message, and where it stands."""

    message: Any  # LayerParameter
    lines: Lines | None = None
    source: str = "network.prototxt"
    makers: tuple[str, ...] = ()  # the types of the layers that give its bottoms, known when it is placed

    @property
    def name(self) -> str:
        """The layer's name, or its type where the text gives none."""
        return self.message.name or f"({self.message.type})"

    @property
    def line(self) -> int | None:
        """The line on which the layer starts."""
        return self.lines.first if self.lines else None

    def error(self, what: str, *, at: str = "", hint: str | None = None) -> NetworkError:
        """An error about this layer; `at` is the field it is about (`convolution_param.stride`)."""
        line = self.lines.fields.get(at, self.lines.first) if self.lines else None
        place = f"line {line}: " if line else ""
        kind = f" ({self.message.type})" if self.message.type else ""
        return NetworkError(
            f'{place}layer "{_short(self.name)}"{kind} {what}', file=self.source, line=line, field=at or None, hint=hint
        )


def _short(text: str) -> str:
    """A name as it may stand in a sentence: printable, and not a novel."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:81])
    return clean if len(clean) <= 80 else f"{clean[:79]}…"


def close_matches(word: str, known: list[str]) -> str:
    """`did you mean X?` for a word that is almost one of the known, else nothing."""
    by_small = {k.lower(): k for k in known}
    near = difflib.get_close_matches(word[:64].lower(), list(by_small), n=3, cutoff=0.7)
    return f"did you mean {' or '.join(by_small[n] for n in near)}?" if near else ""


def read_text(path: Path) -> str:
    """A prototxt file's text; one that is too large or not UTF-8 is a NetworkError."""
    try:
        with path.open("rb") as file:
            data = file.read(4 * SIZE_LIMIT + 1)
    except OSError as problem:
        raise NetworkError(f"{path} cannot be read: {problem.strerror}", file=str(path)) from problem
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise NetworkError(
            f"line {line}: this is not UTF-8 text (byte 0x{data[problem.start]:02x})", file=str(path), line=line,
            hint="Is it a .caffemodel? The network's text ends in .prototxt.",
        ) from problem  # fmt: skip


def parse(text: str, kind: str, source: str) -> tuple[Any, Scanned]:
    """A message of one kind (`NetParameter`, `SolverParameter`) and the lines of its parts."""
    if len(text) > SIZE_LIMIT:
        raise NetworkError(
            f"the text has {len(text):,} characters, more than the {SIZE_LIMIT:,} allowed", file=source,
            hint="Weights do not belong into the text: give them as a .caffemodel.",
        )  # fmt: skip
    for number, row in enumerate(text.split("\n"), 1) if not text.isascii() else ():
        if any("\ud800" <= c <= "\udfff" for c in row):
            raise NetworkError(f"line {number}: this is not valid Unicode text", file=source, line=number)
    scanned = scan(text, source)
    try:
        return text_format.Parse(text, message_class(kind)()), scanned
    except text_format.ParseError as problem:
        raise _explain(problem, text, source, scanned) from None
    except (ValueError, TypeError, RecursionError) as problem:  # what the parser lets through on odd input
        raise NetworkError(f"the text cannot be read: {_short(str(problem))}", file=source) from problem


def _explain(problem: text_format.ParseError, text: str, source: str, scanned: Scanned) -> NetworkError:
    message = str(problem)
    place = _PLACE.match(message)
    line = int(place[1]) if place else problem.GetLine()
    what = message[place.end() :] if place else message
    hint: str | None = None
    if scanned.unclosed and ('Expected "}"' in what or 'no field named "layer"' in what):
        name, line = scanned.unclosed
        what, hint = f'"{_short(name)}" is opened here and never closed', "Add the missing brace."
    elif unknown := _UNKNOWN.search(what):
        owner, name = unknown.groups()
        fields = [f.name for f in message_class(owner).DESCRIPTOR.fields]
        what = f'{owner} has no field "{_short(name)}"'
        hint = close_matches(name, fields) or f"It has: {', '.join(fields[:40])}."
    elif enum := _ENUM.search(what):
        what = f'"{_short(enum[2])}" is not a value of {enum[1]}'
        hint = f"Valid are: {', '.join(_enum_values(enum[1]))}."
    else:
        what = _short(what)
        if not text.strip():
            what, hint = "the text is empty", "Write at least one layer."
    hint = hint[:1].upper() + hint[1:] if hint else "Check the quotes, colons and braces of this line."
    where = f"line {line}: " if line else ""
    return NetworkError(f"{where}{what}", file=source, line=line, hint=hint)


def _enum_values(name: str) -> list[str]:
    owner, _, inner = name.rpartition(".")
    holder = message_class(owner or "NetParameter").DESCRIPTOR
    return [v.name for v in (holder if owner else holder.file).enum_types_by_name[inner].values]


def print_text(message: Any) -> str:
    """A message as prototxt, numbers as short as they read back the same."""
    return text_format.MessageToString(message)


def parse_network(text: str, source: str = "network.prototxt") -> tuple[Any, list[Definition]]:
    """A network's message and its layers with their lines; older notations come out as today's."""
    if not text.strip():
        raise NetworkError("the network's text is empty", file=source, line=1, hint="Write at least one layer.")
    net, scanned = parse(text, "NetParameter", source)
    count = len(net.layer) + len(net.layers)
    if count > LAYER_LIMIT:
        raise NetworkError(f"the network has {count:,} layers, more than the {LAYER_LIMIT:,} allowed", file=source)
    wires = len(net.input) + sum(len(layer.bottom) + len(layer.top) for layer in (*net.layer, *net.layers))
    if wires > WIRE_LIMIT:
        raise NetworkError(f"its layers have {wires:,} bottoms and tops, {WIRE_LIMIT:,} are allowed", file=source)
    where = scanned.messages.get("layers" if net.layers else "layer", [])
    exact = len(where) == count
    net, places = upgrade_with_places(net, source, [lines.first for lines in where])
    return net, [
        Definition(m, where[i] if exact and i is not None else None, source)
        for m, i in zip(net.layer, places, strict=True)
    ]
