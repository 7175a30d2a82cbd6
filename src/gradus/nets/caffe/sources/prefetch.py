"""Batches made ahead of time: a thread of its own reads while the network computes."""

from __future__ import annotations

import weakref
from collections import deque
from threading import Condition, Thread

from torch import Tensor

from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.sources.source import Source


class _Line:
    """The batches that wait, between the thread that makes them and the one that takes them."""

    def __init__(self, source: Source, ahead: int) -> None:
        self.source, self.ahead = source, ahead
        self.ready: deque[list[Tensor] | Exception] = deque()
        self.changed = Condition()
        self.closed = False

    def fill(self) -> None:
        """Read until closed. What goes wrong is raised where the batch would have been taken."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.closed or len(self.ready) < self.ahead)
                if self.closed:
                    return
            batch: list[Tensor] | Exception
            try:
                batch = self.source.read()
            except Exception as problem:  # handed to the reader, who raises it
                batch = problem
            with self.changed:
                self.ready.append(batch)
                self.changed.notify_all()
                if isinstance(batch, Exception):
                    return

    def head(self) -> list[Tensor]:
        """The next batch, which stays in line."""
        with self.changed:
            self.changed.wait_for(lambda: self.ready or self.closed)
            if not self.ready:
                raise RuntimeError("the source is closed")
            batch = self.ready[0]
        if isinstance(batch, Exception):
            raise batch
        return batch

    def close(self, thread: Thread) -> None:
        """End the thread, then the source."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        if thread.ident is not None:
            thread.join()
        self.ready.clear()
        self.source.close()


class Prefetched(Source):
    """A source whose batches are made ahead, in the same order and with the same random numbers.

    One thread reads all of them. It starts with the first batch asked for, and ends with `close` or when nobody
    holds the source any more.
    """

    def __init__(self, source: Source, ahead: int) -> None:
        super().__init__(source.definition, source.reading)
        self.source = source
        self._line = _Line(source, ahead)
        self._thread = Thread(target=self._line.fill, name=f"prefetch {source.definition.name}", daemon=True)
        self._end = weakref.finalize(self, self._line.close, self._thread)

    def shapes(self) -> list[Shape]:
        """The shapes of the next batch."""
        if self._thread.ident is None:
            return self.source.shapes()
        return [tuple(top.shape) for top in self._line.head()]

    def read(self) -> list[Tensor]:
        """The next batch, as soon as it is there."""
        if self._thread.ident is None:
            self._thread.start()
        batch = self._line.head()
        with self._line.changed:
            self._line.ready.popleft()
            self._line.changed.notify_all()
        return batch

    def skip(self, batches: int) -> None:
        """Leave out batches; those that were made already are thrown away one by one."""
        if self._thread.ident is None:
            self.source.skip(batches)
            return
        for _ in range(batches):
            self.read()

    def close(self) -> None:
        """End the thread and close the source; batches not yet taken are lost."""
        self._end()
