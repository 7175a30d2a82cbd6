"""Graphviz' text as a picture, where its program `dot` is installed."""

from __future__ import annotations

import shutil
import subprocess

from gradus.core.errors import UnavailableError

FORMATS = ("png", "pdf", "jpg", "ps", "gif", "svg")
PATIENCE = 60  # seconds


def graphviz(text: str, kind: str) -> bytes:
    """The picture in one of FORMATS."""
    program = shutil.which("dot")
    if program is None:
        raise UnavailableError(
            f"a picture as {kind} needs Graphviz, which is not installed",
            hint="Install it, or draw as .svg, which needs nothing.",
        )
    if kind not in FORMATS:
        raise UnavailableError(f"{kind!r} is not a format that can be drawn", hint=f"There are {', '.join(FORMATS)}.")
    try:
        drawn = subprocess.run(
            [program, f"-T{kind}"], input=text.encode(), capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UnavailableError(f"Graphviz could not draw the network as {kind}") from problem
    if drawn.returncode:
        said = drawn.stderr.decode(errors="replace").strip()[:200]
        raise UnavailableError(f"Graphviz could not draw the network as {kind}: {said}")
    return drawn.stdout
