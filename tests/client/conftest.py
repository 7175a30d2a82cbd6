"""A server of our own making, so that the client is measured against the wire and not against our services."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

Answer = tuple[int, object]


def job(state: str = "running", **more: object) -> dict[str, object]:
    """A job as the wire writes it."""
    return {
        "id": "20261120-113000-0123456789", "kind": "model", "type": "classification", "name": "n", "state": state,
        "created": 1.0, **more,
    }  # fmt: skip


def event(seq: int) -> dict[str, object]:
    return {"type": "progress", "seq": seq, "time": float(seq), "fraction": seq / 10, "activity": "training"}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """Answers what `answers` says for (method, path), in turn, the last one for ever; `None` cuts the line."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer | None]] = field(default_factory=dict)
    job = staticmethod(job)
    event = staticmethod(event)

    def on(self, method: str, path: str, *answers: Answer | None) -> None:
        self.answers[method, "/api/v1" + path] = list(answers)

    def next(self, method: str, path: str) -> Answer | None:
        waiting = self.answers.get((method, path), [(404, {"code": "not_found", "detail": "no such page"})])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.fixture
def wire() -> Iterator[Wire]:
    state = Wire()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.requests.append(
                Request(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
            )
            answer = state.next(self.command, parts.path)
            if answer is None:
                self.connection.close()
                return
            status, content = answer
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
