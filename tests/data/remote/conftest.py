"""Fetchers that may reach the web servers of this machine, without pauses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from gradus.data.remote.address import Rules
from gradus.data.remote.fetcher import Fetcher

NAME = "pictures.test"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradus.data.remote.fetcher.PAUSES", (0.01, 0.01))


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
