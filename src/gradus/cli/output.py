"""What commands say: results to standard output, everything else to standard error.

Colours and moving bars only on a terminal; `NO_COLOR` is honoured (both by Rich).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gradus.cli.options import flag
from gradus.core.errors import GradusError, Problem
from gradus.core.state import JobState

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console
    from rich.table import Table

COLOURS = {
    JobState.DONE: "green", JobState.RUNNING: "cyan", JobState.STARTING: "cyan", JobState.WAITING: "yellow",
    JobState.ABORTING: "yellow", JobState.ABORTED: "yellow", JobState.ERROR: "red",
}  # fmt: skip
_SHOWN = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "\N{REPLACEMENT CHARACTER}")
WIDE = 240  # columns where there is no terminal: nothing is folded that a program may read
ELSEWHERE = {"network_text": "--network", "image": "IMAGE", "path": "IMAGE"}  # fields that no option is named after


def console(*, stderr: bool = False) -> Console:
    """Where to write; looked up anew, so that redirected streams are respected."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = WIDE
    return made


def say(text: str) -> None:
    """A plain line of the result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A plain line beside the result."""
    sys.stderr.write(text.translate(_SHOWN) + "\n")
    sys.stderr.flush()


def say_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """The result for a program."""
    if isinstance(value, Sequence):
        data: object = [item.model_dump(mode="json") for item in value]
    else:
        data = value.model_dump(mode="json")
    say(json.dumps(data, indent=2, ensure_ascii=False))


def say_table(table: Table) -> None:
    """The result for a reader."""
    console().print(table)


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """A plain table in the house's style; columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    numbers = set(right)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left")
    return made


def coloured(state: JobState) -> str:
    """A state in its colour, as Rich markup."""
    return f"[{COLOURS[state]}]{state.value}[/]"


def plain(text: str) -> str:
    """Text of a user, in which square brackets are no markup and nothing steers the terminal."""
    from rich.markup import escape

    return escape(text.translate(_SHOWN))


def complain(error: GradusError, places: Mapping[str, str] = ELSEWHERE) -> None:
    """One clear sentence for each problem, with what to do about it. `places` names what is no option."""
    for problem in error.problems():
        note(f"Error: {sentence(problem, places)}")
        if problem.hint:
            note(f"Hint: {problem.hint}")


def sentence(problem: Problem, places: Mapping[str, str] = ELSEWHERE) -> str:
    """A problem in one line: where, then what."""
    where: list[str] = []
    if problem.field:
        where.append(places.get(problem.field) or ELSEWHERE.get(problem.field) or flag(problem.field))
    if problem.file and problem.file not in problem.message:
        where.append(problem.file)
    if problem.line and f"line {problem.line}" not in problem.message:
        where.append(f"line {problem.line}")
    return f"{', '.join(where)}: {problem.message}" if where else problem.message


def ago(moment: float | None, *, now: float | None = None) -> str:
    """How long ago a Unix time was, in one unit."""
    if moment is None:
        return ""
    return span(max(0.0, (now or time.time()) - moment)) + " ago"


def span(seconds: float) -> str:
    """A duration a person reads at a glance."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 100:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"
