"""One warm model as the server sees it: a queue before it, and batches made of what waits there."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.errors import GradusError, Problem, UnavailableError, from_problem
from gradus.core.model import Prediction
from gradus.jobs.framing import FramingError, receive, send
from gradus.jobs.predictor_child import Reply, Request

BATCH_PICTURES = 32
BATCH_SECONDS = 0.002  # how long a request waits for others to share its batch, where others have lately come
ANSWER_SECONDS = 120.0

Picture = bytes | Path
Result = Prediction | Problem


@dataclass
class _Asked:
    pictures: Sequence[Picture]
    top: int
    answer: Future[list[Result]] = field(default_factory=Future)


class WarmModel:
    """A thread that sends what is asked at the same time to the model's process as one batch.

    `open_process` gives the socket to a new process. `ended` is called when the thread ends, with
    whether the process died; everything still asked then fails with an `UnavailableError`.
    """

    def __init__(
        self, open_process: Callable[[], socket.socket], ended: Callable[[WarmModel, bool], None], idle_seconds: float
    ) -> None:
        self._open, self._ended, self._idle = open_process, ended, idle_seconds
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._over = False
        self._busy = False  # the last batch held more than one request
        self._thread = threading.Thread(target=self._live, name="warm model", daemon=True)
        self._thread.start()

    def ask(self, pictures: Sequence[Picture], top: int) -> Future[list[Result]] | None:
        """Queue a request; the future may fail with any `GradusError`. None if the model has ended by now."""
        asked = _Asked(pictures, top)
        with self._lock:
            if self._over:
                return None
            self._queue.put(asked)
        return asked.answer

    def close(self) -> None:
        """Answer what is queued, then end the process."""
        with self._lock:
            self._over = True
            self._queue.put(None)

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _live(self) -> None:
        died, left = False, []
        try:
            with self._open() as process:
                process.settimeout(ANSWER_SECONDS)
                _check(_receive(process))
                while batch := self._next_batch():
                    left = batch
                    self._answer(process, batch)
                    left = []
        except _DiedError:
            died = True
            self._end(left, _gone())
        except GradusError as error:
            self._end(left, error)
        else:
            self._end(left, _gone())
        self._ended(self, died)

    def _next_batch(self) -> list[_Asked]:
        """What is asked now, up to the size of a batch.

        While one batch is computed the next gathers by itself. Only where that has happened are others
        waited for besides: a request that comes alone is answered at once.
        """
        batch: list[_Asked] = []
        pictures, timeout = 0, self._idle
        deadline = 0.0
        while pictures < BATCH_PICTURES:
            try:
                asked = self._queue.get(timeout=timeout)
            except queue.Empty:
                break
            if asked is None:
                if batch:
                    self._queue.put(None)  # after this batch
                break
            batch.append(asked)
            pictures += len(asked.pictures)
            deadline = deadline or time.monotonic() + (BATCH_SECONDS if self._busy else 0.0)
            timeout = max(0.0, deadline - time.monotonic())
        self._busy = len(batch) > 1
        return batch

    def _answer(self, process: socket.socket, batch: list[_Asked]) -> None:
        pictures = [picture for asked in batch for picture in asked.pictures]
        paths = [str(picture) if isinstance(picture, Path) else None for picture in pictures]
        top = max(asked.top for asked in batch)
        head = Request(top=top, paths=paths).model_dump_json().encode()
        with _death():
            send(process, [head, *(picture for picture in pictures if isinstance(picture, bytes))])
        try:
            results = iter(_check(_receive(process)).results)
        except GradusError as error:
            for asked in batch:
                asked.answer.set_exception(error)
            return
        for asked in batch:
            asked.answer.set_result([_cut(next(results), asked.top) for _ in asked.pictures])

    def _end(self, left: list[_Asked], error: GradusError) -> None:
        with self._lock:
            self._over = True
        for asked in left:
            asked.answer.set_exception(error)
        while True:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is not None:
                waiting.answer.set_exception(error)


class _DiedError(Exception):
    """The process ended or fell silent."""


@contextlib.contextmanager
def _death() -> Iterator[None]:
    try:
        yield
    except (OSError, FramingError) as error:
        raise _DiedError from error


def _receive(process: socket.socket) -> Reply:
    with _death():
        parts = receive(process)
    if parts is None:
        raise _DiedError
    return Reply.model_validate_json(parts[0])


def _check(reply: Reply) -> Reply:
    if reply.problem is not None:
        raise from_problem(reply.problem)
    return reply


def _cut(result: Result, top: int) -> Result:
    if isinstance(result, Problem):
        return result
    return result.model_copy(update={"classes": result.classes[:top]})


def _gone() -> UnavailableError:
    return UnavailableError("the model's process has ended", hint="try again: it is started anew")
