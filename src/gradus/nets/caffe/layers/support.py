"""The table of all layer types for the documentation: `python -m gradus.nets.caffe.layers.support docs/caffe.md`.

Each type's words are the first paragraph of its class, so that what is documented is what is there.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from gradus.nets.caffe.layers.base import Layer
from gradus.nets.caffe.layers.table import LAYERS, Origin, layer_class
from gradus.nets.caffe.layers.unsupported import Unsupported

BEGIN, END = "<!-- layers: begin -->", "<!-- layers: end -->"
ORIGINS: dict[Origin, str] = {
    "all": "BVLC, NVIDIA",
    "recurrent": "BVLC, NVIDIA 0.17",
    "bvlc": "BVLC",
    "nvidia": "NVIDIA",
    "nvidia-0.17": "NVIDIA 0.17",
    "ssd": "SSD, NVIDIA 0.17",
    "fork": "other forks",
}


def table() -> str:
    """The table in Markdown, headed by the counts."""
    bvlc, nvidia, forks = (
        sum(who in ORIGINS[row.origin] for row in LAYERS.values()) for who in ("BVLC", "NVIDIA", "other forks")
    )
    rows = [f"| `{name}` | {_words(layer_class(name))} | {ORIGINS[row.origin]} |" for name, row in LAYERS.items()]
    said = f"{len(LAYERS)} types: all {bvlc} of BVLC's Caffe, all {nvidia} of NVIDIA's, and {forks} of other forks."
    head = [said, "", "| type | what it does | registered by |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def _words(kind: type[Layer]) -> str:
    if issubclass(kind, Unsupported):
        return f"**Not supported**, because {kind.reason}. {kind.instead}"
    paragraph = inspect.getdoc(kind) or ""
    return " ".join(paragraph.split("\n\n")[0].split()).replace("|", "\\|").replace("*", "\\*")


def renewed(page: str) -> str:
    """A page with the table of now between its two marks."""
    if BEGIN not in page or END not in page:
        raise SystemExit(f"the page has no place for the table ({BEGIN} ... {END})")
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{table()}\n{END}", page, flags=re.DOTALL)


def main(arguments: Sequence[str]) -> None:
    """Renew the table of each page that is named; without one write it to standard output."""
    for path in map(Path, arguments):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
    if not arguments:
        sys.stdout.write(table() + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
