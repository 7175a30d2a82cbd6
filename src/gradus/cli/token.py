"""`gradus token`: what lets a browser or a program in."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import BaseModel

from gradus.cli.common import HomeOption, JsonOption
from gradus.cli.guard import guarded
from gradus.cli.output import note, say, say_json


class TokenAnswer(BaseModel):
    """What `--json` prints. `url` opens the pages, where a server runs."""

    token: str
    url: str | None = None


@guarded
def token(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one; the old one and all sessions opened with it end.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the token that REST (`Authorization: Bearer ...`) and the login page ask for."""
    from gradus.cli.connection import connected, settings_for
    from gradus.jobs.home import Home
    from gradus.services.auth import read_start_token

    folder = Home(settings_for(home).home)
    secret = None if rotate else read_start_token(folder)
    if secret is None:  # none yet, or a new one is wanted: whoever holds the home makes it
        with connected(home) as connection:
            secret = connection.client.system.rotate_token() if rotate else read_start_token(folder)
    if secret is None:
        note("the token is set by GRADUS_TOKEN or the configuration file")
        raise typer.Exit(2)
    holder = folder.holder()
    url = entrance(holder.url, secret) if holder and holder.kind == "server" and holder.url else None
    if as_json:
        say_json(TokenAnswer(token=secret, url=url))
        return
    say(secret)
    note(f"in a browser: {url}" if url else f"no server runs on {folder.path} now")


def entrance(url: str, secret: str | None) -> str:
    """The address that lets a browser in."""
    return f"{url}/?token={secret}" if secret else url
