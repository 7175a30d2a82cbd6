"""The one door to the network for what a caller names: every page, picture and object is fetched by it.

One request knows no cookies, no passwords and no compression; it ends after 30 s in all, at the size that is
allowed, and after three redirects, each of which is judged like the first address. Who may fetch from anywhere goes
by the proxies of the environment; for all others they are not used, as what a proxy connects to cannot be judged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore

from gradus import __version__
from gradus.core.errors import InputError
from gradus.data.remote.address import PORTS, Address, Rules, about, parse
from gradus.data.remote.wire import TROUBLE, HaltedError, Resolver, Wire, resolve

SECONDS = 30.0  # for one thing, redirects and further tries included
SILENCE = 10.0  # seconds without a byte
MAX_PICTURE = 64 * 2**20
MAX_REDIRECTS = 3
CONNECTIONS = 8  # at once
PAUSES = (0.5, 2.0)  # seconds before a second and a third try
T = TypeVar("T")
_AGAIN = frozenset({429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})

_SENT = {
    "User-Agent": f"Gradus/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "keep-alive",
}  # fmt: skip


class TransientError(Exception):
    """What may go better when it is tried again. Caught where the tries are counted."""


@dataclass(slots=True)
class Answer:
    """What a server answered, while its content is still to come. To be closed."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    _inner: httpcore.Response
    _wire: Wire
    _ends: float
    _left: int

    def chunks(self) -> Iterator[bytes]:
        """The content piece by piece; `InputError` as soon as it is more than allowed."""
        if self.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise InputError("The server answers in a compressed form that was not asked for")
        self._wire.limits.ends = self._ends
        for chunk in self._inner.iter_stream():
            self._left -= len(chunk)
            if self._left < 0:
                raise InputError("It is larger than is fetched")
            yield chunk

    def close(self) -> None:
        """Let the connection be used again, or end it where content is left."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Fetcher:
    """Fetches within the rules. Several threads may use it; `halt` ends what they are at."""

    def __init__(
        self,
        rules: Rules,
        *,
        halt: threading.Event | None = None,
        seconds: float = SECONDS,
        resolver: Resolver = resolve,
    ) -> None:
        from httpx import create_ssl_context

        self.halt = halt or threading.Event()
        self._rules, self._seconds = rules, seconds
        self._wire = Wire(rules, self.halt, resolver)
        pooling: dict[str, Any] = {
            "ssl_context": create_ssl_context(),
            "max_connections": 2 * CONNECTIONS,
            "max_keepalive_connections": CONNECTIONS,
            "keepalive_expiry": 30.0,
            "network_backend": self._wire,
        }
        self._pool = httpcore.ConnectionPool(**pooling)
        self._proxied = _proxies(pooling) if rules.hosts is None else {}

    def close(self) -> None:
        """End all connections."""
        for pool in (self._pool, *self._proxied.values()):
            pool.close()

    def _pool_for(self, address: Address) -> httpcore.ConnectionPool:
        proxied = self._proxied.get(address.scheme)
        return proxied if proxied and not proxy_bypass(address.place) else self._pool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, text: str, into: BinaryIO, most: int = MAX_PICTURE) -> Address:
        """Write what lies at an address into a file that can be cut; the address at which it was found.

        `InputError` says why not, and names the address as its file. What fails by chance is tried again.
        """
        ends = time.monotonic() + self._seconds
        try:
            return self.tried(lambda: self._follow(parse(text), into, most, ends), ends)
        except InputError as error:
            raise about(error, file=text) from error

    def tried(self, attempt: Callable[[], T], ends: float) -> T:
        """What comes of an attempt, made again after a pause where it fails by chance."""
        for pause in PAUSES:
            try:
                return attempt()
            except TransientError as error:
                if time.monotonic() + pause >= ends:
                    raise InputError(str(error)) from error
                if self.halt.wait(pause):
                    raise HaltedError from None
        try:
            return attempt()
        except TransientError as error:
            raise InputError(str(error)) from error

    def send(
        self, method: str, address: Address, headers: Mapping[str, str], most: int, ends: float | None = None
    ) -> Answer:
        """One request without a body. httpcore's errors, `AddressError` and `HaltedError` are let through."""
        ends = time.monotonic() + self._seconds if ends is None else ends
        self._rules.check(address.host, address.port)
        self._wire.limits.ends = ends
        request = httpcore.Request(
            method=method,
            url=httpcore.URL(
                scheme=address.scheme.encode(), host=address.host.encode(), port=address.port,
                target=address.target.encode("ascii"),
            ),
            headers=[(name, value) for name, value in ({"Host": address.place} | _SENT | dict(headers)).items()],
            extensions={"timeout": {"pool": max(0.0, ends - time.monotonic()), "read": SILENCE}},
        )  # fmt: skip
        answer = self._pool_for(address).handle_request(request)
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return Answer(answer.status, found, answer, self._wire, ends, most)

    def _follow(self, address: Address, into: BinaryIO, most: int, ends: float) -> Address:
        for _ in range(MAX_REDIRECTS + 1):
            into.seek(0)
            into.truncate()
            moved = self._take(address, into, most, ends)
            if moved is None:
                return address
            if address.scheme == "https" and moved.scheme == "http":
                raise InputError(f"It redirects from https to http: {str(moved)[:300]}")
            address = moved
        raise InputError(f"It redirects more than {MAX_REDIRECTS} times")

    def _take(self, address: Address, into: BinaryIO, most: int, ends: float) -> Address | None:
        """Write the content, or tell where it has moved."""
        try:
            with self.send("GET", address, {}, most, ends) as answer:
                if answer.status in _MOVED:
                    return parse(urljoin(str(address), answer.headers.get("location", "")))
                if answer.status in _AGAIN:
                    raise TransientError(f"The server answers {answer.status}")
                if answer.status != 200:
                    raise InputError(_status(answer.status))
                length = answer.headers.get("content-length", "")
                if length.isdigit() and int(length[:19]) > most:
                    raise InputError(f"It is larger than the {most >> 20:,} MiB that are fetched")
                for chunk in answer.chunks():
                    into.write(chunk)
        except TROUBLE as error:
            raise TransientError(explained(error)) from error
        return None


def _proxies(pooling: Mapping[str, Any]) -> dict[str, httpcore.HTTPProxy]:
    """The proxies that the environment names, for http and https."""
    found: dict[str, httpcore.HTTPProxy] = {}
    for scheme, text in getproxies().items():
        parts = urlsplit(text)
        if scheme in PORTS and parts.scheme in PORTS and parts.hostname:
            user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
            place = httpcore.URL(scheme=parts.scheme, host=parts.hostname, port=parts.port, target="/")
            found[scheme] = httpcore.HTTPProxy(place, user, **pooling)
    return found


def explained(error: Exception) -> str:
    """What went wrong on the network, in a sentence."""
    if isinstance(error, httpcore.TimeoutException):
        return "The server does not answer in time"
    if isinstance(error, httpcore.ConnectError):
        return f"The server cannot be reached: {str(error)[:200]}"
    if isinstance(error, httpcore.ProtocolError):
        return f"The server does not keep to HTTP: {str(error)[:200]}"
    return f"The connection broke off: {str(error)[:200] or type(error).__name__}"


def _status(status: int) -> str:
    known = {401: "wants a password", 403: "does not allow it", 404: "has no such thing", 410: "has no such thing"}
    return f"The server {known[status]} ({status})" if status in known else f"The server answers {status}"
