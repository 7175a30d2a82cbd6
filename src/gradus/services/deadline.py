"""A limit of time for work that reports how far it is."""

from __future__ import annotations

import time


class DeadlinePassedError(Exception):
    """The work took longer than its caller can wait. Caught by that caller."""


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether they are over."""
        return time.monotonic() > self._until

    def watch(self, _done: int) -> None:
        """Given to the work, which calls it now and then; raises `DeadlinePassedError` when the time is over."""
        if self.passed:
            raise DeadlinePassedError
