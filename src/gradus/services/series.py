"""The scalars of a training, read from its events: a cache per job that only reads what is new."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from pathlib import Path

from pydantic import ValidationError

from gradus.core.event import EVENT, Metrics
from gradus.core.model import Point
from gradus.core.view.model import Series

MAX_POINTS = 2000
KEPT_JOBS = 32
_BLOCK = 1 << 22


class Column:
    """One series. Steps rise: a training that goes on from a snapshot replaces what it repeats."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.epochs = array("d")
        self.values = array("d")
        self.times = array("d")

    def add(self, step: int, epoch: float, value: float | None, time: float = 0.0) -> None:
        """Append a point; points of this step and later are forgotten first."""
        if self.steps and step <= self.steps[-1]:
            keep = bisect_left(self.steps, step)
            del self.steps[keep:], self.epochs[keep:], self.values[keep:], self.times[keep:]
        self.steps.append(step)
        self.epochs.append(epoch)
        self.values.append(float("nan") if value is None else value)
        self.times.append(time)

    def last(self) -> float | None:
        """The newest value; None where it is not finite."""
        return _finite(self.values[-1]) if self.values else None

    def thinned(self, name: str, most: int) -> Series:
        """The series in at most `most` points."""
        import numpy as np  # an idle server does without

        from gradus.services.downsample import thin

        kept = thin(np.frombuffer(self.values) if self.values else np.empty(0), most).tolist()
        return Series(name=name, points=[self._point(i) for i in kept])

    def _point(self, i: int) -> Point:
        return Point(step=self.steps[i], epoch=self.epochs[i], value=_finite(self.values[i]), time=self.times[i])


class Curves:
    """All series of one job, as far as its events have been read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lock = threading.Lock()
        self.columns: dict[str, Column] = {}
        self.seq = 0

    def update(self) -> None:
        """Read what has been appended since."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._offset)
                    while block := file.read(_BLOCK):
                        block += file.readline()
                        if not self._take(block):
                            return
            except FileNotFoundError:
                return

    def thinned(self, most: int) -> list[Series]:
        """Every series in at most `most` points, in order of first appearance."""
        with self._lock:
            return [column.thinned(name, most) for name, column in self.columns.items()]

    def latest(self) -> dict[str, float | None]:
        """The newest value of every series."""
        with self._lock:
            return {name: column.last() for name, column in self.columns.items()}

    def _take(self, block: bytes) -> bool:
        """Take in the whole lines of a block; whether there was nothing else."""
        end = block.rfind(b"\n") + 1
        self._offset += end
        for line in block[:end].splitlines():
            self.seq += 1
            if b'"metrics"' not in line:
                continue
            try:
                event = EVENT.validate_json(line)
            except ValidationError:
                continue
            self.seq = event.seq
            if isinstance(event, Metrics):
                for name, value in event.values.items():
                    self.columns.setdefault(name, Column()).add(event.step, event.epoch, value, event.time)
        return end == len(block)


class CurveCache:
    """The curves of the jobs that were looked at last."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Curves] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, job_id: str, folder: Path) -> Curves:
        """The curves of a job, up to date."""
        with self._lock:
            curves = self._jobs.setdefault(job_id, Curves(folder / "events.jsonl"))
            self._jobs.move_to_end(job_id)
            while len(self._jobs) > KEPT_JOBS:
                self._jobs.popitem(last=False)
        curves.update()
        return curves

    def forget(self, job_id: str) -> None:
        """Let go of a deleted job."""
        with self._lock:
            self._jobs.pop(job_id, None)


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None
