"""Being asked to stop, without asking too often."""

from __future__ import annotations

import time

from gradus.core.report import Report
from gradus.data.building import Stopped

__all__ = ["PATIENCE", "StopSwitch", "Stopped"]

PATIENCE = 0.1  # seconds between two looks; a task must look at least once a second


class StopSwitch:
    """`Report.stopping`, looked at no more often than is useful: a step may take well under a millisecond."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._next = 0.0
        self._asked = False

    def asked(self) -> bool:
        """Whether to stop now."""
        now = time.monotonic()
        if not self._asked and now >= self._next:
            self._next = now + PATIENCE
            self._asked = self._report.stopping()
        return self._asked
