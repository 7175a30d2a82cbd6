"""How a command reaches Gradus: the process that holds the home, or else this one.

A running server (or another command at work) is named in the home's `server.json` and lets us in with
the key in `auth/local.key`, which only its owner can read. Where nobody holds the home, the command
hosts the app itself until it has ended. When the other process goes away meanwhile, `renew` takes over.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gradus.cli.guard import HOME_HELD, ServerError
from gradus.core.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from gradus.cli.hosting import Hosted
    from gradus.client import Client
    from gradus.services.settings import Settings

T = TypeVar("T")

PATIENCE = 20.0  # seconds for somebody who is just starting, or just ending
LOOK_AGAIN = 0.05


class Connection:
    """A client for the home's holder, whoever that is at the moment.

    `detach` puts a host that is needed into a process of its own; `serve` makes this process a server
    for everybody, at the address of the settings, instead of a host for itself. `here` is what it hosts.
    """

    def __init__(self, settings: Settings, *, detach: bool = False, serve: bool = False) -> None:
        from gradus.jobs.home import Home

        self._settings = settings
        self._home = Home(settings.home)
        self._detach = detach
        self._serve = serve
        self._stack = ExitStack()
        self.here: Hosted | None = None
        self.client: Client = self._reach()

    def ask(self, question: Callable[[Client], T]) -> T:
        """Ask the holder; once more whoever follows it, should it have gone away. For what may be asked twice."""
        try:
            return question(self.client)
        except UnavailableError:
            self.renew()
            return question(self.client)

    def renew(self) -> None:
        """Find the home's holder again, or become it."""
        self.close()
        self.client = self._reach()

    def close(self) -> None:
        """Close the client and, if this process was the host, the app."""
        self._stack.close()
        self.here = None

    def _reach(self) -> Client:
        deadline = time.monotonic() + PATIENCE
        started = False
        while True:
            holder = self._home.holder()
            if holder is not None and holder.url:
                client = self._client(holder.url)
                if client.system.alive():
                    return self._stack.enter_context(client)
                client.close()
            elif holder is None and self._detach and not started:
                start_background(self._home.path)
                started = True
            elif holder is None and not self._detach:
                client_here = self._host()
                if client_here is not None:
                    return client_here
            if time.monotonic() > deadline:
                who = f"process {holder.pid} ({holder.kind})" if holder else "another process"
                raise ServerError(
                    f"the home folder {self._home.path} is held by {who}, which does not answer",
                    hint="Wait for it, or stop that process.",
                )
            time.sleep(LOOK_AGAIN)

    def _host(self) -> Client | None:
        """Host the app here; None if somebody else took the home in this moment."""
        stack = ExitStack()
        try:
            here = stack.enter_context(self._hosted())
        except ConflictError as error:
            if error.problem.code == HOME_HELD:
                return None
            raise
        self._stack.push(stack)
        self.here = here
        return self._stack.enter_context(self._client(here.url))

    def _hosted(self) -> AbstractContextManager[Hosted]:
        from gradus.cli.hosting import hosted

        if self._serve:
            return hosted(self._settings, kind="server", host=self._settings.host, port=self._settings.port)
        return hosted(self._settings)

    def _client(self, url: str) -> Client:
        from gradus.client import Client
        from gradus.services.auth import read_local_key

        return Client(url, read_local_key(self._home))


@contextmanager
def connected(home: Path | None, *, detach: bool = False) -> Iterator[Connection]:
    """A connection for one command. With `detach` the host, where one is needed, is a process of its own."""
    connection = Connection(settings_for(home), detach=detach)
    try:
        yield connection
    finally:
        connection.close()


def settings_for(home: Path | None) -> Settings:
    """The settings: the flag, else the environment, else the file, else the defaults."""
    from gradus.services.settings import load_settings

    return load_settings(home=home)


def start_background(home: Path) -> None:
    """Start a host that stays until nothing is left to do, in a session of its own."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "background.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "gradus.cli.background", str(home)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
