"""`gradus serve`: the server."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from gradus.cli.common import HomeOption, JsonOption
from gradus.cli.guard import guarded
from gradus.cli.output import note, say, say_json

if TYPE_CHECKING:
    import uvicorn

    from gradus.cli.hosting import Hosted


class Auth(StrEnum):
    """Who is let in."""

    TOKEN = "token"
    NONE = "none"


class Started(BaseModel):
    """What `--json` prints when the server answers."""

    url: str
    home: str
    pid: int


@guarded
def serve(
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0: one that is free. Default: 5000.")
    ] = None,
    home: HomeOption = None,
    data_root: Annotated[
        list[Path] | None,
        typer.Option(
            "--data-root",
            help="A folder that pages and REST may read pictures from; may be repeated. "
            "Default: your home folder and the current folder.",
        ),
    ] = None,
    auth: Annotated[
        Auth | None, typer.Option("--auth", help="none only on this machine's own address. Default: token.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="HOST[:PORT]",
            help="A web server or store that pages and REST may fetch pictures from although it is not public; "
            "may be repeated. Default: none.",
        ),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve the pages, the REST API and the jobs of a home folder."""
    from gradus.cli import hosting
    from gradus.services.settings import load_settings
    from gradus.web.serve import listen_unix

    settings = load_settings(
        home=home, host=host, port=port, data_roots=data_root, auth=auth.value if auth else None,
        fetch_hosts=allow_host,
    )  # fmt: skip
    with ExitStack() as stack:
        listener = stack.enter_context(hosting.listening(settings.host, settings.port))
        listeners = [listener]
        if settings.unix_socket is not None:
            listeners.append(stack.enter_context(listen_unix(settings.unix_socket)))
        here, server = stack.enter_context(hosting.opened(settings, "server", listener))
        end_in_order(server)
        tempfile.tempdir = str(settings.home)  # what is being received; /tmp is often in memory
        announce(here, open_browser=open_browser, as_json=as_json)
        server.run(sockets=listeners)


def end_in_order(server: uvicorn.Server) -> None:
    """Let SIGTERM and Ctrl-C end the server and nothing more: the server raises them again when it has ended,
    which would kill this process before the house is closed."""

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def announce(here: Hosted, *, open_browser: bool, as_json: bool) -> None:
    """Say where the pages are, and let the browser in."""
    url = front_door(here)
    if as_json:
        say_json(Started(url=url, home=str(here.house.home.path), pid=os.getpid()))
    else:
        say(f"Gradus is at {url}")
        note(f"Its home is {here.house.home.path}. Ctrl-C stops it; trainings go on and are found again.")
    if open_browser:
        import webbrowser

        webbrowser.open(url)


def front_door(here: Hosted) -> str:
    """The address of the pages, with the start token where one is needed."""
    return here.house.keys.start_url(here.url)
