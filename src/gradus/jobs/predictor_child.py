"""A warm model in a process of its own: loads once, then answers until the other side closes."""

from __future__ import annotations

import resource
import socket
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gradus.core.errors import GradusError, Problem
from gradus.core.model import Prediction
from gradus.jobs.framing import receive, send


class Request(BaseModel):
    """What to predict: for each picture its path, or None where its bytes follow as a part of the message."""

    model_config = ConfigDict(frozen=True)

    top: int
    paths: list[str | None]


class Reply(BaseModel):
    """The answer for each picture in order, or the one problem that prevented all."""

    model_config = ConfigDict(frozen=True)

    results: list[Prediction | Problem] = []
    problem: Problem | None = None


def serve(connection: socket.socket, folder: Path, snapshot: str | None, device: str) -> None:
    """Load a model and say so, then answer requests one after the other."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from gradus.engine.predict import Predictor

    try:
        predictor = Predictor(folder, snapshot, device)
    except GradusError as error:
        _reply(connection, Reply(problem=error.problem))
        return
    _reply(connection, Reply())
    while (parts := receive(connection)) is not None:
        request = Request.model_validate_json(parts[0])
        try:
            results = predictor.predict(_pictures(request, parts[1:]), request.top)
        except GradusError as error:
            _reply(connection, Reply(problem=error.problem))
        else:
            _reply(connection, Reply(results=results))


def _pictures(request: Request, parts: Sequence[bytes]) -> list[bytes | Path]:
    following = iter(parts)
    return [next(following) if path is None else Path(path) for path in request.paths]


def _reply(connection: socket.socket, reply: Reply) -> None:
    send(connection, [reply.model_dump_json().encode()])
