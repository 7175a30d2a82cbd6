"""Work in many threads whose results are taken in the order in which the work was given.

For work in native code that lets other threads run. Chunks are begun only a few ahead of what has been taken, so
that memory does not grow with their number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from gradus.data.threads import cores

CHUNK_BYTES = 2 * 2**20  # of pixels, that are well made at once: few enough to stay in the processor's cache
AHEAD = 6  # chunks for each thread that may wait to be taken: all go on while some are written
LOOK = 0.2  # seconds between two looks at whether to stop

E = TypeVar("E")
D = TypeVar("D")


def in_order(
    recipe: Callable[[Sequence[E], Event], D],
    entries: Sequence[E],
    size: int,
    look: Callable[[], None],
    threads: int | None = None,
) -> Iterator[D]:
    """Run the recipe over all entries, at most `size` at a time, and yield the results in the order of the entries.

    The last are fewer and fewer at a time, so that all threads end together. The recipe ends early once the event is
    set. `look` is called several times a second and ends the work by raising. One thread is this one.
    """
    threads = threads or cores()
    if threads == 1:
        for start, end in _chunks(len(entries), size, threads):
            look()
            yield recipe(entries[start:end], _Looking(look))
        return
    halt = Event()
    running: deque[Future[D]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="build") as pool:
        try:
            for start, end in _chunks(len(entries), size, threads):
                running.append(pool.submit(recipe, entries[start:end], halt))
                if len(running) > threads * AHEAD:
                    yield _next(running, look)
            while running:
                yield _next(running, look)
        finally:
            halt.set()
            pool.shutdown(wait=True, cancel_futures=True)


class _Looking(Event):
    """An event that looks whether to stop as often as it is asked."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__()
        self._look = look

    def is_set(self) -> bool:
        self._look()
        return False


def _chunks(count: int, size: int, threads: int) -> Iterator[tuple[int, int]]:
    start = 0
    while start < count:
        end = start + max(1, min(size, (count - start) // (2 * threads)))
        yield start, end
        start = end


def _next(running: deque[Future[D]], look: Callable[[], None]) -> D:
    look()
    first = running.popleft()
    while not first.done():
        wait((first,), timeout=LOOK)
        look()
    return first.result()
