"""The app inside this process: for `serve` in the foreground, for other commands in a background thread.

The one place of the command line that imports the services, the app and uvicorn.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradus.cli.guard import ServerError
from gradus.core.errors import GradusError

if TYPE_CHECKING:
    import uvicorn

    from gradus.jobs.home import HolderKind
    from gradus.services.house import House
    from gradus.services.settings import Settings

START_SECONDS = 20.0


@dataclass(frozen=True)
class Hosted:
    """An app that is being served, and the house behind it."""

    url: str
    house: House


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket taken before anything is started; `ServerError` where there is none to be had."""
    from gradus.web.serve import listen

    try:
        listener = listen(host, port)
    except GradusError as error:
        problem = error.problem
        raise ServerError(problem.message, field=problem.field, hint=problem.hint) from error
    with listener:
        yield listener


@contextmanager
def opened(settings: Settings, kind: HolderKind, listener: socket.socket) -> Iterator[tuple[Hosted, uvicorn.Server]]:
    """The house with its lock, its scheduler and an app about to be served; all closed again at the end."""
    from gradus.services.house import House
    from gradus.web.app import create_app
    from gradus.web.serve import address_of, make_server

    url = address_of(listener)
    house = House(settings)
    house.open(kind)
    try:
        server = make_server(create_app(house))
        house.announce(url)
        yield Hosted(url, house), server
    finally:
        house.close()


@contextmanager
def hosted(
    settings: Settings, *, kind: HolderKind = "command", host: str = "127.0.0.1", port: int = 0
) -> Iterator[Hosted]:
    """Serve the app from a background thread for as long as the context lasts."""
    with listening(host, port) as listener, opened(settings, kind, listener) as (found, server):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server", daemon=True)
        thread.start()
        try:
            _await(server, thread)
            yield found
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def _await(server: uvicorn.Server, thread: threading.Thread) -> None:
    """Return when the app answers."""
    waited = 0.0
    while not server.started:
        thread.join(timeout=0.01)
        waited += 0.01
        if not thread.is_alive() or waited > START_SECONDS:
            raise ServerError("the server did not start", hint="`gradus doctor` looks for the reason.")
