"""Work on the pictures of a batch, shared among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

from gradus.data.threads import cores


class Pool:
    """Threads that start when first needed. Decoding and resizing leave Python's lock, so they run side by side."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._lock = Lock()

    def each(self, work: Callable[[int], None], count: int) -> None:
        """Call `work(i)` for each i below `count`."""

        def run(block: slice) -> None:
            for i in range(block.start, block.stop):
                work(i)

        self.blocks(run, count)

    def blocks(self, work: Callable[[slice], None], count: int, least: int = 1) -> None:
        """Call `work` on slices that together are `count` items, none shorter than `least` but where all are."""
        parts = min(cores(), count // max(1, least))
        if parts < 2:
            work(slice(0, count))
            return
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
            threads = self._threads
        bounds = [i * count // parts for i in range(parts + 1)]
        tasks = [threads.submit(work, slice(start, stop)) for start, stop in pairwise(bounds)]
        for problem in [task.exception() for task in tasks]:  # waits for all, so that nothing runs on behind our back
            if problem is not None:
                raise problem

    def close(self) -> None:
        """End the threads."""
        with self._lock:
            if self._threads is not None:
                self._threads.shutdown()
                self._threads = None
