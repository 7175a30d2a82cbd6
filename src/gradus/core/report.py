"""How work tells of itself: the one door from a running task to whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gradus.core.dataset import Split
from gradus.core.model import Snapshot


class Report(Protocol):
    """Given to a task by its worker; tests give one that remembers."""

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None:
        """Say how far it is (0 to 1) and what it is doing. May be called often; it is thinned out."""

    def metrics(self, step: int, epoch: float, values: Mapping[str, float | None]) -> None:
        """Add one point to each named series."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """Say that a snapshot is complete on disk."""

    def counts(self, split: Split, labels: Sequence[str], counts: Sequence[int]) -> None:
        """Say how many samples of each class a database holds so far."""

    def warning(self, message: str) -> None:
        """Say what the user should know although the work goes on."""

    def stopping(self) -> bool:
        """Whether the work has been asked to stop; a task looks at least once a second."""
