from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gradus.services.house import House
from gradus.services.settings import Settings
from gradus.web.app import create_app
from gradus.web.serve import address_of, listen, make_server


@dataclass
class Running:
    """A served app, and ways to talk to it."""

    url: str
    app: FastAPI
    house: House
    data: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.Client:
        made = httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)
        self.clients.append(made)
        return made

    def program(self, **headers: str) -> httpx.Client:
        """A client with the start token."""
        return self.client(Authorization=f"Bearer {self.house.keys.start_token}", **headers)

    def owner(self) -> httpx.Client:
        """A client with the local key."""
        return self.client(Authorization=f"Bearer {self.house.keys.local_key}")

    def browser(self, *, csrf: bool = True) -> httpx.Client:
        """A signed-in browser on our own page; it sends the session's token, if `csrf`."""
        made = self.client(**{"Sec-Fetch-Site": "same-origin", "Accept": "text/html"})
        secret, caller = self.house.keys.sign_in(self.house.keys.start_token, "test")
        made.cookies.set(f"gradus-{httpx.URL(self.url).port}", secret)
        if csrf:
            made.headers["X-CSRF-Token"] = caller.csrf
        return made


def _serve(settings: Settings, host: Any, executor: Any) -> Iterator[Running]:
    with House(settings, host=host, executor=executor).open("command") as house:
        app = create_app(house)
        listener = listen("127.0.0.1", 0)
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.005)
        running = Running(address_of(listener), app, house, settings.data_roots[0])
        yield running
        for client in running.clients:
            client.close()
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(home=tmp_path / "home", data_roots=[tmp_path / "data"], auth="token", live_clients_each=4)


@pytest.fixture
def server(settings: Settings, host: Any, executor: Any) -> Iterator[Running]:
    yield from _serve(settings, host, executor)


@pytest.fixture
def open_server(settings: Settings, host: Any, executor: Any) -> Iterator[Running]:
    """A server without tokens (`--auth none`)."""
    open_to_all = settings.model_copy(update={"auth": "none", "home": settings.home.with_name("open")})
    yield from _serve(open_to_all, host, executor)


@pytest.fixture
def pictures(settings: Settings, make_pictures: Callable[..., Path]) -> Path:
    """A folder of two classes with six pictures each, inside the data root."""
    return make_pictures(settings.data_roots[0] / "pets")


@pytest.fixture
def options(pictures: Path) -> dict[str, object]:
    """The body that makes a dataset."""
    return {"name": "pets", "train": str(pictures), "width": 8, "height": 8}
