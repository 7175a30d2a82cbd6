"""Web servers on this machine that count who connects, and fetchers that may reach them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gradus.data.remote.address import Rules
from gradus.data.remote.fetcher import Fetcher

NAME = "pictures.test"


class Listener:
    """Accepts connections, counts them, and lets `talk` answer each after its request has come."""

    def __init__(self, talk: Callable[[socket.socket], None] = lambda _: None) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._talk = talk
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(taken,), daemon=True).start()

    def _one(self, taken: socket.socket) -> None:
        with taken, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request and (more := taken.recv(65536)):
                request += more
            self.requests.append(request)
            self._talk(taken)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Site:
    """A web server with the pages of a dictionary: path -> content, or (status, headers, content)."""

    def __init__(self) -> None:
        self.pages: dict[str, object] = {}
        self.asked: list[str] = []
        self.agents: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.agents.append(self.headers["User-Agent"])
                page = site.pages.get(self.path, (404, {}, b"no such page"))
                page = page() if callable(page) else page
                status, headers, content = page if isinstance(page, tuple) else (200, {}, page)
                content = content.encode() if isinstance(content, str) else content
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://{NAME}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradus.data.remote.fetcher.PAUSES", (0.01, 0.01))


@pytest.fixture
def listener() -> Iterator[Callable[..., Listener]]:
    with contextlib.ExitStack() as stack:

        def make(talk: Callable[[socket.socket], None] = lambda _: None) -> Listener:
            made = Listener(talk)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def fetcher() -> Iterator[Callable[..., Fetcher]]:
    """Fetchers that may go where the operator allowed: `pictures.test` at the ports given, which is this machine."""
    with contextlib.ExitStack() as stack:

        def make(*ports: int, seconds: float = 5.0, **more: object) -> Fetcher:
            hosts = {f"{NAME}:{port}" for port in ports}
            return stack.enter_context(
                Fetcher(Rules.of(hosts), seconds=seconds, **{"resolver": lambda *_: ["127.0.0.1"], **more})  # type: ignore[arg-type]
            )

        yield make
