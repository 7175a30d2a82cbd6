"""A listening socket and the server behind it. Prints nothing; says what is wrong by raising."""

from __future__ import annotations

import errno
import logging
import socket
import stat
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from gradus.core.errors import ConflictError, GradusError, InputError
from gradus.web.protocol import BoundedProtocol

BACKLOG = 1024
DRAIN_SECONDS = 4  # for requests that are being answered when the server is asked to stop


class GradusServer(uvicorn.Server):
    """uvicorn, which waits for requests that go on; event streams are ended so that it need not wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams, then all else."""
        self._app.state.live.close()
        await super().shutdown(sockets)


def make_server(app: FastAPI) -> uvicorn.Server:
    """The server for an app: run it with `run(sockets=[...])`, ask it to stop with `should_exit`.

    It stops within about five seconds, also while pages listen for events.
    """
    config = uvicorn.Config(
        app, loop="uvloop", http=BoundedProtocol, ws="none", lifespan="on", log_config=None, log_level=logging.WARNING,
        access_log=False, server_header=False, timeout_keep_alive=15, timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=BACKLOG, proxy_headers=False,
    )  # fmt: skip
    return GradusServer(config, app)


def run(app: FastAPI, sockets: Sequence[socket.socket]) -> None:
    """Serve until the process is asked to stop (SIGINT, SIGTERM)."""
    make_server(app).run(sockets=list(sockets))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything is started, so that a taken port leaves nothing behind."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise InputError(f"{host} is no address of this machine: {error.strerror}", field="host") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(host, port, error) from error
    return listener


def listen_unix(path: Path) -> socket.socket:
    """A listening Unix socket that only its owner can connect to. A dead one in its place is removed."""
    if path.exists():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConflictError(f"{path} is in the way: it is not a socket", field="unix_socket", file=str(path))
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise ConflictError(f"{path} is served by another program", field="unix_socket", file=str(path))
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        message = f"cannot listen on {path}: {error.strerror or error}"
        raise InputError(message, field="unix_socket", file=str(path)) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The address under which a browser on this machine reaches it."""
    if listener.family == socket.AF_UNIX:
        return "http://localhost"
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _cannot_bind(host: str, port: int, error: OSError) -> GradusError:
    if error.errno == errno.EADDRINUSE:
        return ConflictError(
            f"port {port} of {host} is taken by another program",
            field="port",
            hint="choose another with --port, or let the system choose one with --port 0",
            code="port_taken",
        )
    if error.errno == errno.EACCES:
        return InputError(f"port {port} may not be used by this user", field="port", hint="choose one above 1023")
    return InputError(f"cannot listen on {host}, port {port}: {error.strerror}", field="host")
