"""The report a worker gives its task: events into the job's file, and whether to stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from gradus.core.dataset import Split
from gradus.core.event import Counts, Metrics, Progress, SnapshotTaken, Warned
from gradus.core.model import Snapshot
from gradus.jobs.events import EventWriter

FENCE_SECONDS = 1.0  # how often a worker looks whether its job is still its own


class EventReport:
    """Implements `core.report.Report` on an event file.

    `owned` tells whether the job still belongs to this worker: once it does not, `stopping` is true,
    and a snapshot is not announced.
    """

    def __init__(self, writer: EventWriter, owned: Callable[[], bool]) -> None:
        self._writer = writer
        self._owned = owned
        self._stop = threading.Event()
        self._looked = time.monotonic()
        self.lost = False

    def stop(self) -> None:
        """Ask the task to stop."""
        self._stop.set()

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None:
        """Say how far it is."""
        self._writer.write(Progress(fraction=_finite(fraction) or 0.0, activity=activity, rate=_finite(rate)))

    def metrics(self, step: int, epoch: float, values: Mapping[str, float | None]) -> None:
        """Add one point to each named series; what is not finite becomes a gap."""
        points = {name: _finite(value) for name, value in values.items()}
        self._writer.write(Metrics(step=step, epoch=epoch, values=points))

    def snapshot(self, snapshot: Snapshot) -> None:
        """Say that a snapshot is complete."""
        self._look()
        if not self.lost:
            self._writer.write(SnapshotTaken(snapshot=snapshot))

    def counts(self, split: Split, labels: Sequence[str], counts: Sequence[int]) -> None:
        """Say how many samples of each class there are so far."""
        self._writer.write(Counts(split=split, labels=list(labels), counts=list(counts)))

    def warning(self, message: str) -> None:
        """Say what the user should know."""
        self._writer.write(Warned(message=message))

    def stopping(self) -> bool:
        """Whether to stop: asked to, or the job is no longer this worker's."""
        if time.monotonic() - self._looked > FENCE_SECONDS:
            self._look()
        return self._stop.is_set()

    def _look(self) -> None:
        self._looked = time.monotonic()
        if not self._owned():
            self.lost = True
            self._stop.set()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
