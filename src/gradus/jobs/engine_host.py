"""The server's side of the engine host: starts it, gives it orders, and starts it again when it dies."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gradus.core.errors import GradusError, Problem, UnavailableError, from_problem
from gradus.core.model import Evaluation
from gradus.core.network import Graph
from gradus.jobs.environment import worker_environment
from gradus.jobs.framing import FramingError, receive, send
from gradus.jobs.orders import MESSAGE_BYTES, Answer, EvaluationQuestion, NetworkQuestion, Order, Question
from gradus.jobs.processes import Identity

ANSWER_SECONDS = 10.0  # a fork takes milliseconds: a host that needs so long is ill
QUESTION_SECONDS = 60.0
EVALUATION_SECONDS = 3600.0
PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)  # seconds before a host that died again and again is started again
HOPELESS = 3  # starts in a row that came to nothing, after which others should do without
QUESTIONS, EVALUATIONS = 4, 2  # at a time

log = logging.getLogger(__name__)


class EngineHost:
    """A warm interpreter with torch loaded, in a process of its own, that forks others in milliseconds.

    `start` returns at once. All methods may be called from any thread.
    """

    def __init__(self, command: Sequence[str] = (sys.executable, "-P", "-m", "gradus.jobs.host")) -> None:
        self._command = tuple(command)
        self._ready = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._pending: dict[int, queue.SimpleQueue[Answer]] = {}
        self._connection: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._watchers: list[Callable[[], None]] = []
        self._questions = threading.BoundedSemaphore(QUESTIONS)
        self._evaluations = threading.BoundedSemaphore(EVALUATIONS)
        self.failures = 0  # starts in a row that never became ready

    def start(self) -> None:
        """Start it in the background."""
        self._thread = threading.Thread(target=self._keep, name="engine host", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the host. The workers that it forked go on."""
        self._closing.set()
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()

    @property
    def ready(self) -> bool:
        """Whether it is warm."""
        return self._ready.is_set()

    @property
    def hopeless(self) -> bool:
        """Whether it cannot be started on this machine, as far as was tried."""
        return self.failures >= HOPELESS

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process else None

    def wait(self, timeout: float) -> bool:
        """Wait until it is warm; whether it is."""
        return self._ready.wait(timeout)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when it becomes ready, when it dies, and when a process ends that it forked."""
        self._watchers.append(watcher)

    def fork_worker(self, folder: Path, nonce: str, threads: int = 0) -> Identity:
        """Fork a worker for a job's folder."""
        answer = self._order(
            Order(number=next(self._numbers), do="worker", folder=str(folder), nonce=nonce, threads=threads)
        )
        return Identity(answer.pid, answer.start_time)

    def open_predictor(self, folder: Path, snapshot: str | None, device: str) -> tuple[socket.socket, Identity]:
        """Fork a child that loads a model; returns the socket to talk to it over."""
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        order = Order(number=number, do="predictor", folder=str(folder), snapshot=snapshot, device=device)
        try:
            with theirs:
                answer = self._order(order, theirs)
        except GradusError:
            ours.close()
            raise
        return ours, Identity(answer.pid, answer.start_time)

    def ask(self, question: NetworkQuestion, timeout: float = QUESTION_SECONDS) -> Graph:
        """Draw a network, in a child that may crash or hang without harm. Waits for the host if need be."""
        message = f"the network could not be drawn within {timeout:.0f} seconds"
        late = UnavailableError(message, hint="make it smaller")
        return Graph.model_validate_json(self._answer(question, self._questions, timeout, late))

    def evaluate(self, question: EvaluationQuestion, timeout: float = EVALUATION_SECONDS) -> Evaluation:
        """Measure a model on a split, in a child too."""
        late = UnavailableError(f"the evaluation took longer than {timeout / 60:.0f} minutes")
        return Evaluation.model_validate_json(self._answer(question, self._evaluations, timeout, late))

    def _answer(self, question: Question, turns: threading.Semaphore, timeout: float, late: UnavailableError) -> bytes:
        deadline = time.monotonic() + timeout
        if not turns.acquire(timeout=timeout):
            raise UnavailableError("too many questions are being answered", hint="try again in some seconds")
        try:
            if not self._ready.wait(timeout):
                raise _not_ready()
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    child = self._order(Order(number=next(self._numbers), do="question"), theirs)
                seconds = max(1, math.ceil(deadline - time.monotonic()))
                ours.settimeout(seconds)
                parts = _hear_answer(ours, [question.model_dump_json().encode(), b"%d" % seconds])
        except TimeoutError:
            self._order(Order(number=next(self._numbers), do="kill", pid=child.pid))
            raise late from None
        finally:
            turns.release()
        if parts is None:
            raise UnavailableError("the question ended in a crash", hint="is the network far too large?")
        if parts[0] == b"problem":
            raise from_problem(Problem.model_validate_json(parts[1]))
        return parts[1]

    def _order(self, order: Order, passed: socket.socket | None = None) -> Answer:
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        with self._lock:
            if self._connection is None or not self.ready:
                raise _not_ready()
            self._pending[order.number] = answers
            descriptors = [passed.fileno()] if passed else []
            try:
                socket.send_fds(self._connection, [order.model_dump_json().encode()], descriptors)
            except OSError as error:
                del self._pending[order.number]
                raise _not_ready() from error
        try:
            answer = answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise UnavailableError("the engine host does not answer") from None
        finally:
            with self._lock:
                self._pending.pop(order.number, None)
        if answer.problem:
            raise UnavailableError(answer.problem, hint="try again in some seconds")
        return answer

    def _keep(self) -> None:
        while not self._closing.is_set():
            was_ready = self._live_once()
            self.failures = 0 if was_ready else self.failures + 1
            self._notify()
            if not self._closing.is_set():
                log.warning("the engine host has ended; it is started again")
                self._closing.wait(PAUSES[min(self.failures, len(PAUSES) - 1)])

    def _live_once(self) -> bool:
        """One life of the host: start it, hear it, and collect it. Returns whether it became ready."""
        try:
            ours, process = self._spawn()
        except OSError as error:  # no processes, descriptors or memory left, or no right to run the interpreter
            log.error("the engine host cannot be started: %s", error)
            return False
        with self._lock:
            self._connection, self._process = ours, process
        was_ready = False
        with contextlib.suppress(OSError):
            while not self._closing.is_set() and (message := ours.recv(MESSAGE_BYTES)):
                was_ready |= self._hear(Answer.model_validate_json(message))
        self._ready.clear()
        with self._lock:
            ours.close()
            self._connection = None
            for number, answers in self._pending.items():
                answers.put(Answer(number=number, problem="the engine host has died"))
        if not was_ready:
            process.kill()  # still importing, without children
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None
        return was_ready

    def _spawn(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                process = subprocess.Popen(
                    [*self._command, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=worker_environment(),
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        return ours, process

    def _hear(self, answer: Answer) -> bool:
        if answer.number:
            with self._lock:
                if answers := self._pending.get(answer.number):
                    answers.put(answer)
            return False
        if answer.ready:
            self._ready.set()
        self._notify()
        return answer.ready

    def _notify(self) -> None:
        for watcher in self._watchers:
            watcher()


def _not_ready() -> UnavailableError:
    return UnavailableError("the engine is still warming up", hint="try again in some seconds")


def _hear_answer(child: socket.socket, question: Sequence[bytes]) -> list[bytes] | None:
    """What the child answers; None if it crashed."""
    try:
        send(child, question)
        return receive(child)
    except TimeoutError:
        raise
    except (OSError, FramingError):
        return None
