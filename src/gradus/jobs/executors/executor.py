"""Where workers run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gradus.core.job import JobKind
from gradus.jobs.processes import Identity
from gradus.jobs.task import Task


class Executor(Protocol):
    """Starts workers. What becomes of them is seen in their events, their processes and `worker.exit`."""

    def ready(self, kind: JobKind) -> bool:
        """Whether a job of this kind can be started now; `watch` tells when that changes."""

    def start(self, folder: Path, task: Task) -> Identity:
        """Start a worker on a folder whose `task.json` is written. Raises `UnavailableError` if it cannot."""

    def collect(self) -> None:
        """Write `worker.exit` for workers of its own that have ended."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever it becomes ready or a worker ends."""
