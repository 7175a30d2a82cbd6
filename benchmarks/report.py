"""The table: on the terminal, and in docs/benchmarks.md between its two marks."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.digits import Digits
from benchmarks.measure import Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEADER = ("what", "ours", "peer", "ratio", "promised", "kept")


def line(row: Row) -> str:
    """One row in one line."""
    what, ours, peer, ratio, bar, kept = cells(row)
    return f"{what}: {ours}" + (f" / {peer} = {ratio}" if peer else "") + (f" ({bar}: {kept})" if bar else "")


def cells(row: Row) -> tuple[str, str, str, str, str, str]:
    """A row as text."""
    peer = f"{_figure(row.peer, row.unit)} ({row.peer_name})" if row.peer else ""
    ratio = f"{row.ratio:.{2 if row.ratio < 2 else 1}f}x" if row.ratio else ""
    bar = ""
    if row.bar is not None:
        bar = f"at least {row.bar:g}x" if row.bar_kind == "ratio" else f"at most {_figure(row.bar, row.unit)}"
    kept = {True: "yes", False: "NO", None: ""}[row.kept]
    return row.what, _figure(row.ours, row.unit), peer, ratio, bar, kept


def show(rows: list[Row]) -> None:
    """The table on the terminal."""
    table = Table(*HEADER, header_style="bold")
    for row in rows:
        *texts, kept = cells(row)
        colour = {True: "green", False: "red", None: "default"}[row.kept]
        table.add_row(*texts, f"[{colour}]{kept}[/]")
    Console().print(table)


def write(rows: list[Row], source: Digits, rounds: int) -> None:
    """Put the rows into the page's table; rows of benchmarks that did not run stay as they are."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(f"{BEGIN}(.*?){END}", page, re.DOTALL)
    if found is None:
        raise SystemExit(f"{PAGE} has no place for the table ({BEGIN} ... {END})")
    old = [line for line in found.group(1).splitlines() if line.startswith("| ")][1:]
    lines = {_key(line): line for line in [*old, *("| " + " | ".join(cells(row)) + " |" for row in rows)]}
    body = [
        BEGIN, f"Machine: {machine()}. Pictures: {source.name}. Medians of {rounds} rounds, in turns.", "",
        "| " + " | ".join(HEADER) + " |", "|---|--:|--:|--:|---|---|", *lines.values(), END,
    ]  # fmt: skip
    PAGE.write_text(page.replace(found.group(0), "\n".join(body)), encoding="utf-8")


def _key(line: str) -> tuple[str, str]:
    """What a line of the table is about: what was measured, and beside which peer."""
    what, _, peer, *_ = line.split(" | ")
    return what, peer.partition("(")[2]


def machine() -> str:
    """Processor, memory and what was installed."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        name = found.group(1).strip() if found else name
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores of {name}, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"PyTorch {version('torch')}"
    )


def _figure(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 4
    return f"{value:,.{digits}f} {unit}".strip()
