"""Odd pictures and odd names as files, and what must come of each: `python tests/data/corpus FOLDER`.

The folder then has the classes `accepted`, `refused` and `names`, beside them `golden/`, the pixels that must come
of what is accepted, and `manifest.json`: for each file its address (bytes outside of ASCII as %XX), the verdict,
and either golden file and tolerance or a part of the reason; `frames` is how many pictures the file holds, where
that is not one. What is expected follows from how a picture was made,
or from Pillow as the other reader, never from Gradus.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import numpy as np
from accepted import GOOD
from drawing import SECRETS, Case, metadata_jpeg, pages, png, saved
from names import NAMES, level, text
from refused import BAD

__all__ = ["BAD", "GOOD", "NAMES", "SECRETS", "Case", "metadata_jpeg", "pages", "png", "write"]


def write(folder: Path) -> list[dict[str, Any]]:
    """Write it all; the manifest's rows."""
    rows: list[dict[str, Any]] = []
    for name in ("accepted", "refused", "names", "golden"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for case in GOOD:
        (folder / "accepted" / f"{case.name}.jpg").write_bytes(case.make())
        golden = f"golden/{case.name}.png"
        (folder / golden).write_bytes(saved(np.asarray(case.expected, np.uint8), "PNG"))
        noted = {"frames": case.frames} if case.frames > 1 else {}
        rows.append(_row(f"accepted/{case.name}.jpg".encode(), golden=golden, tolerance=case.tolerance, **noted))
    for case in BAD:
        (folder / "refused" / f"{case.name}.jpg").write_bytes(case.make())
        rows.append(_row(f"refused/{case.name}.jpg".encode(), reason=case.expected))
    for number, name in enumerate(NAMES):
        data = saved(np.full((8, 8), level(number), np.uint8), "PNG")
        (folder / "names" / text(name)).write_bytes(data)
        (folder / "golden" / f"name-{number}.png").write_bytes(data)
        rows.append(_row(b"names/" + name, golden=f"golden/name-{number}.png", tolerance=0))
    (folder / "manifest.json").write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def _row(name: bytes, **more: object) -> dict[str, object]:
    return {"file": quote_from_bytes(name), "verdict": "refused" if "reason" in more else "accepted", **more}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
