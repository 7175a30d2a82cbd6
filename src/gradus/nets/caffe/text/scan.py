"""One pass over a prototxt that finds out on which line everything is, and how deep it nests.

protobuf's parser tells lines only of syntax errors. What is wrong with a network is mostly found later,
and a drawn layer wants to point to its text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gradus.core.errors import NetworkError

PART_LIMIT = 250_000  # names, values and braces; 3,500 layers have 100,000, and protobuf's parser takes 3 us for each
DEPTH_LIMIT = 64  # Caffe's messages nest 6 deep; a recursive parser must not be driven to its stack's end

_TOKEN = re.compile(
    r"""
      (?P<line>\n)
    | (?P<skip>\#[^\n]*|[ \t\r\f\v,;:]+)
    | (?P<open>[{<])
    | (?P<close>[}>])
    | (?P<text>"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')
    | (?P<word>[^\s{}<>\#"',;:]+)
    | (?P<odd>.)
    """,
    re.VERBOSE,
)


@dataclass(slots=True)
class Lines:
    """Where one message of the text stands: its first line, and the first line of each of its fields."""

    first: int
    fields: dict[str, int] = field(default_factory=dict)  # "type", "convolution_param.kernel_size"


@dataclass(slots=True)
class Scanned:
    """The lines of each top-level message by field name (`layer`), and what is still open at the end."""

    messages: dict[str, list[Lines]] = field(default_factory=dict)
    unclosed: tuple[str, int] | None = None  # the outermost: its name and line


def scan(text: str, source: str) -> Scanned:
    """Where everything is; only what is beyond the limits is an error here."""
    scanned = Scanned()
    found = scanned.messages
    path: list[str] = []
    current: Lines | None = None
    line, word, word_line, parts = 1, "", 1, 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "line":
            line += 1
            continue
        parts += kind != "skip"
        if parts > PART_LIMIT:
            raise NetworkError(
                f"line {line}: the text has more than {PART_LIMIT:,} names, values and braces", file=source, line=line,
                hint="The deepest networks known have less than half as many.",
            )  # fmt: skip
        if kind == "word":
            word, word_line = match.group(), line
            if current is not None:
                current.fields.setdefault(".".join([*path[1:], word]), line)
        elif kind == "open":
            path.append(word)
            if len(path) > DEPTH_LIMIT:
                raise NetworkError(
                    f"line {line}: braces nest deeper than {DEPTH_LIMIT}", file=source, line=line,
                    hint="A Caffe network nests a few levels only: look for a brace that is not closed.",
                )  # fmt: skip
            if len(path) == 1:
                current = Lines(word_line)
                found.setdefault(word, []).append(current)
        elif kind == "close" and path:
            path.pop()
            if not path:
                current = None
    if current is not None:
        scanned.unclosed = path[0], current.first
    return scanned
