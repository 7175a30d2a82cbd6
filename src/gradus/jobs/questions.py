"""Questions answered in a child of the engine host, which may crash or be ended without harm."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel

from gradus.core.dataset import Split
from gradus.core.errors import GradusError, MemoryLimitError
from gradus.core.model import Snapshot
from gradus.jobs.framing import receive, send
from gradus.jobs.orders import QUESTION, EvaluationQuestion, NetworkQuestion, Question

DRAWING_BYTES = 2**30  # that drawing a network may take on top of what a warm process has


class SilentReport:
    """A report to nobody, for work that is waited for."""

    def progress(self, fraction: float, activity: str, rate: float | None = None) -> None:
        """Not told."""

    def metrics(self, step: int, epoch: float, values: Mapping[str, float | None]) -> None:
        """Not told."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """Not told."""

    def counts(self, split: Split, labels: Sequence[str], counts: Sequence[int]) -> None:
        """Not told."""

    def warning(self, message: str) -> None:
        """Not told."""

    def stopping(self) -> bool:
        """Who asked ends the process."""
        return False


def answer(connection: socket.socket) -> None:
    """Receive a question and the seconds it may take, find the answer, send it or the problem."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    parts = receive(connection)
    if parts is None:
        return
    signal.alarm(int(parts[1]) + 5)  # ends the process, also where the server has died meanwhile
    try:
        found = _find(QUESTION.validate_json(parts[0]))
    except GradusError as error:
        send(connection, [b"problem", error.problem.model_dump_json().encode()])
    else:
        send(connection, [b"answer", found.model_dump_json().encode()])


def _find(question: Question) -> BaseModel:
    return _draw(question) if isinstance(question, NetworkQuestion) else _evaluate(question)


def _draw(question: NetworkQuestion) -> BaseModel:
    """Draw a network within bounded memory: nothing is computed, so that what needs more is hostile or a mistake."""
    from gradus.engine.draw import draw_network

    bound = psutil.Process().memory_info().vms + DRAWING_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    try:
        return draw_network(
            question.text, question.given, question.phase, strict=question.strict, python_layers=question.python_layers
        )
    except MemoryError:
        raise MemoryLimitError(
            f"the network could not be drawn within {DRAWING_BYTES >> 20:,} MiB of memory", hint="make it smaller"
        ) from None


def _evaluate(question: EvaluationQuestion) -> BaseModel:
    from gradus.engine.evaluate import evaluate

    model, dataset = Path(question.model), Path(question.dataset)
    return evaluate(model, dataset, question.split, question.snapshot, question.device, SilentReport())
