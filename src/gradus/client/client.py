"""The client: one connection to a server, with a door for each noun."""

from __future__ import annotations

import os
from types import TracebackType

from gradus.client.datasets import Datasets
from gradus.client.jobs import Jobs
from gradus.client.models import Models
from gradus.client.networks import Networks
from gradus.client.system import System
from gradus.client.transport import Transport
from gradus.core.view.dataset import KindView, PluginView

DEFAULT_URL = "http://127.0.0.1:5000"


class Client:
    """A Gradus server, spoken to over REST.

    The address and the token are taken from `GRADUS_URL` and `GRADUS_TOKEN` where they are not given.
    `gradus token` prints the token of a server on this machine. `timeout` is in seconds.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = 30.0) -> None:
        transport = Transport(
            url or os.environ.get("GRADUS_URL") or DEFAULT_URL, token or os.environ.get("GRADUS_TOKEN"), timeout
        )
        self._transport = transport
        self.datasets = Datasets(transport)
        self.models = Models(transport)
        self.jobs = Jobs(transport)
        self.networks = Networks(transport)
        self.system = System(transport)

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return self._transport.url

    def kinds(self) -> list[KindView]:
        """The kinds of datasets that the server can make, with the JSON Schema of what each asks for."""
        return self._transport.get("/kinds", list[KindView])

    def plugins(self) -> list[PluginView]:
        """What is installed on the server, and what of it does not load."""
        return self._transport.get("/plugins", list[PluginView])

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
