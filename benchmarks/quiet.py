"""Reports for work that is done here and not in a job."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from gradus.core.dataset import Split
from gradus.core.model import Snapshot


class Quiet:
    """Remembers when each point was told; says nothing."""

    def __init__(self) -> None:
        self.points: list[tuple[float, int, float, Mapping[str, float | None]]] = []

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None:
        pass

    def metrics(self, step: int, epoch: float, values: Mapping[str, float | None]) -> None:
        self.points.append((time.perf_counter(), step, epoch, values))

    def snapshot(self, snapshot: Snapshot) -> None:
        pass

    def counts(self, split: Split, labels: Sequence[str], counts: Sequence[int]) -> None:
        pass

    def warning(self, message: str) -> None:
        pass

    def stopping(self) -> bool:
        return False
