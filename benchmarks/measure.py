"""How things are measured: in turns, several rounds, medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Turn = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of ours, the peer's, and what was promised.

    `bar` is the promise: at least this `ratio` to the peer, or at most this `figure` of ours.
    `spread` is the ratio of the slowest to the fastest round of ours, which tells how calm the machine was.
    """

    name: str
    what: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    better: Literal["more", "less"] = "more"
    bar: float | None = None
    bar_kind: Literal["ratio", "figure"] = "ratio"
    spread: float = 1.0

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        if not self.peer or not self.ours:
            return None
        return self.ours / self.peer if self.better == "more" else self.peer / self.ours

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None where there is none."""
        if self.bar is None:
            return None
        if self.bar_kind == "figure":
            return self.ours <= self.bar
        return self.ratio is not None and self.ratio >= self.bar


@dataclass(frozen=True)
class Figures:
    """The rounds of one competitor."""

    rounds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        return max(self.rounds) / max(min(self.rounds), 1e-12)


def in_turns(competitors: Mapping[str, Turn], rounds: int) -> dict[str, Figures]:
    """Let each take its turn in every round, so that a noisy neighbour disturbs all alike."""
    figures: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(rounds):
        for name, turn in competitors.items():
            figures[name].append(turn())
    return {name: Figures(values) for name, values in figures.items()}


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def typical(work: Callable[[], object], times: int) -> float:
    """Median seconds of many short calls, after a few that warm up."""
    for _ in range(max(3, times // 10)):
        work()
    return statistics.median(seconds(work) for _ in range(times))
