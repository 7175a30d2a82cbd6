"""Connections to vetted addresses only, that end in time.

httpcore asks for a connection to a host by its name. The name is resolved once, here; what it stands for is
judged, and only that is connected to, so that a second answer of the resolver is never asked for. TLS goes on
to verify the name. Every read ends at the deadline of its request, or when the work is to stop.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import httpcore

from gradus.core.errors import InputError
from gradus.data.remote.address import Rules

CONNECT = 10.0  # seconds for a connection, and for a name to be resolved
SLICE = 0.25  # seconds between two looks at whether to stop

TROUBLE = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError)

T = TypeVar("T")
Resolver = Callable[[str, int], Sequence[str]]


class HaltedError(Exception):
    """The work was asked to stop. Caught where the stopping was asked for."""


def watched(do: Callable[[], T], look: Callable[[], None], halt: threading.Event) -> T:
    """What comes of work in a thread of its own. `look` is called several times a second, and may raise to stop it."""
    with ThreadPoolExecutor(1, thread_name_prefix="fetch") as pool:
        doing = pool.submit(do)
        try:
            while not doing.done():
                wait((doing,), timeout=SLICE)
                look()
        except BaseException:
            halt.set()
            raise
        return doing.result()


class Limits(threading.local):
    """Until when the request that this thread makes may take."""

    ends = 0.0

    def left(self) -> float:
        """Seconds; `httpcore.ReadTimeout` when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("it takes too long")
        return left


def resolve(host: str, port: int) -> Sequence[str]:
    """The numeric addresses that a name stands for, as the system's resolver says."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Wire(httpcore.NetworkBackend):
    """Makes the connections. What a name stands for is kept for as long as this is."""

    def __init__(self, rules: Rules, halt: threading.Event, resolver: Resolver = resolve) -> None:
        self.limits = Limits()
        self._rules, self._halt, self._resolver = rules, halt, resolver
        self._known: dict[tuple[str, int], Sequence[str]] = {}

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to one of the vetted addresses of a host."""
        del timeout, local_address, socket_options
        error: Exception | None = None
        for number in self.vetted(host, port):
            if self._halt.is_set():
                raise HaltedError
            try:
                made = httpcore.SyncBackend().connect_tcp(number, port, timeout=min(CONNECT, self.limits.left()))
                return _Stream(made, self.limits, self._halt)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as tried:
                error = tried
        raise error or httpcore.ConnectError("the name stands for no address")

    def vetted(self, host: str, port: int) -> Sequence[str]:
        """The addresses that a host may be connected by; `AddressError` where it may not."""
        self._rules.check(host, port)
        known = self._known.get((host, port))
        if known is None:
            known = self._known[host, port] = self._rules.choose(host, port, self._resolved(host, port))
        return known

    def _resolved(self, host: str, port: int) -> Sequence[str]:
        """Ask the resolver, which knows no limit of time, in a thread of its own."""
        answer: list[Sequence[str] | OSError | UnicodeError] = []

        def ask() -> None:
            try:
                answer.append(self._resolver(host, port))
            except (OSError, UnicodeError) as error:
                answer.append(error)

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        until = time.monotonic() + min(CONNECT, self.limits.left())
        while asking.is_alive() and time.monotonic() < until and not self._halt.is_set():
            asking.join(SLICE)
        if self._halt.is_set():
            raise HaltedError
        if not answer:
            raise httpcore.ConnectTimeout(f"the name {host} is not resolved in time")
        if isinstance(answer[0], Exception):
            raise InputError(f"There is no host {host}", hint="Check the spelling of the address.") from answer[0]
        return answer[0]


class _Stream(httpcore.NetworkStream):
    """A connection whose reads end at the deadline of the thread that reads."""

    def __init__(self, inner: httpcore.NetworkStream, limits: Limits, halt: threading.Event) -> None:
        self._inner, self._limits, self._halt = inner, limits, halt

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most so many bytes, within `timeout` seconds and the deadline."""
        until = time.monotonic() + (CONNECT if timeout is None else timeout)
        while not self._halt.is_set():
            left = self._limits.left()
            try:
                return self._inner.read(max_bytes, timeout=min(SLICE, left))
            except httpcore.ReadTimeout:
                if time.monotonic() >= until:
                    raise
        raise HaltedError

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        del timeout
        self._inner.write(buffer, timeout=min(CONNECT, self._limits.left()))

    def close(self) -> None:
        """End the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on in TLS with a server that proves to have the name."""
        del timeout
        name = None if server_hostname is None else server_hostname.strip("[]")
        inner = self._inner.start_tls(ssl_context, name, min(CONNECT, self._limits.left()))
        return _Stream(inner, self._limits, self._halt)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of its own connections."""
        return self._inner.get_extra_info(info)
