"""Who is told of changes: pages, the command line, whoever else listens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from gradus.core.event import Event
from gradus.core.job import Job

Message = Job | Event | None  # a changed job, what its worker said, or None: the job was deleted
Listener = Callable[[str, Message], None]

log = logging.getLogger(__name__)


class Hub:
    """Passes every message to every listener, in the thread that publishes: listeners return at once."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(job_id, message)` from now on; returns how to stop it."""
        with self._lock:
            self._listeners = [*self._listeners, listener]

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [other for other in self._listeners if other is not listener]

        return unsubscribe

    def publish(self, job_id: str, message: Message) -> None:
        """Tell all listeners; one that fails does not keep the others from hearing."""
        for listener in self._listeners:
            try:
                listener(job_id, message)
            except Exception:  # the boundary to code that is not ours
                log.exception("a listener failed")
