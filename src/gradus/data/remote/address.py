"""Addresses on the web, and which of them may be connected to.

A server that fetches what a caller names could be made to read what only it can reach: its own ports, its
network, the keys that a cloud hands to its machines. So an address is taken apart strictly, and the host's
name must stand for public addresses only, whatever is asked of it. What the operator allows by name, and
what the user of the machine asks for, is exempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import Split
from gradus.core.errors import AddressError, InputError

LONGEST = 4096
PORTS = {"http": 80, "https": 443}
_START = re.compile(r"https?://", re.IGNORECASE)
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:/?#\[\]]*)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_LONE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OWN_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")  # RFC 6761, 6762, 8375, ICANN's .internal
_NEVER = [
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # the host of Azure's machines
        "192.0.0.0/24",  # protocols, RFC 6890, of which older Pythons know a part
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "3fff::/20",  # documentation, RFC 9637
        "2001::/23",  # protocols, RFC 2928; Teredo is in there
    )
]
_GLOBAL = IPv6Network("2000::/3")
_HOLDING = {  # IPv6 networks whose addresses hold one of IPv4, and by how many bits that is shifted
    IPv6Network("::ffff:0:0/96"): 0,
    IPv6Network("64:ff9b::/96"): 0,  # RFC 6052
    IPv6Network("2002::/16"): 80,  # RFC 3056
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address of http or https. `host` is ASCII in lower case, `target` the quoted path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """What all pages of one server have in common."""
        return f"{self.scheme}://{self.place}"

    @property
    def place(self) -> str:
        """The host, and the port where that is not the usual one: what a request's `Host` says."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return self.origin + self.target


def is_address(text: str) -> bool:
    """Whether a text is meant as an address of the web."""
    return _START.match(text) is not None


def is_remote(options: ClassificationOptions) -> bool:
    """Whether pictures lie in folders elsewhere."""
    folders = options.method is Method.FOLDER and any(is_address(options.source(split)) for split in Split)
    return folders or options.method is Method.S3


def parse(text: str) -> Address:
    """An address taken apart; `InputError` where it is none, or of another kind than http and https."""
    if len(text) > LONGEST:
        raise InputError(f"The address is longer than {LONGEST:,} characters")
    if _CONTROL.search(text):
        raise InputError("The address has control characters or backslashes")
    found = _PARTS.fullmatch(text)
    if not found:
        raise InputError("not an address", hint="Write it as http://HOST/PATH or https://HOST/PATH.")
    scheme, rest = found[1].lower(), found[2]
    if scheme not in PORTS:
        raise InputError(f"Nothing is fetched by {scheme}", hint="Give an address of http or https.")
    if "@" in rest:
        raise InputError("The address has a user name in it", hint="Give an address that needs no password.")
    host = _HOST.fullmatch(rest)
    if not host:
        raise InputError(f"“{rest[:100]}” is no host", hint="Write it as http://HOST/PATH or https://HOST/PATH.")
    port = int(host[2]) if host[2] else PORTS[scheme]
    if not 1 <= port <= 65535:
        raise InputError(f"There is no port {port}")
    return Address(scheme, _host(host[1]), port, _target(found[3]))


def about(error: InputError, *, message: str = "", field: str | None = None, file: str | None = None) -> InputError:
    """The same error, said of a field or an address, with another sentence if that is given."""
    known = error.problem
    return type(error)(
        message or known.message, field=field or known.field, file=known.file or (file and file[:500]), hint=known.hint
    )


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return f"[{IPv6Address(text[1:-1])}]"
        except ValueError:
            raise InputError(f"{text} is no address of IPv6") from None
    if not text.isascii():
        raise InputError("The name of the host has letters that other names are confused with", hint=_spelled(text))
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputError(f"“{text[:100]}” is no name of a host")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise AddressError(f"“{text}” is an odd way to write a number", hint="Write it as 192.0.2.1.") from None
    return name


def _spelled(text: str) -> str:
    """How a name with other letters is written in ASCII, for who means it."""
    import idna

    try:
        return f"If it is meant, write it as {idna.encode(text[:100], uts46=True).decode()}"
    except idna.IDNAError:
        return "Write the name in ASCII."


def _target(text: str) -> str:
    """Path and query as they go over the wire; what is quoted stays as it is."""
    quoted = quote(_LONE.sub("%25", text), safe="%/?:@!$&'()*+,;=~", errors="surrogateescape")
    return quoted if quoted.startswith("/") else f"/{quoted}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be connected to: all that is public, and the `hosts` allowed by name; None allows everything.

    A host is `name` for the usual ports, or `name:port`, in lower case.
    """

    hosts: frozenset[str] | None = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str] | None) -> Rules:
        """The rules that a dataset's options tell."""
        return cls(None if hosts is None else frozenset(hosts))

    def exempt(self, host: str, port: int) -> bool:
        """Whether a host need not be public."""
        if self.hosts is None:
            return True
        return f"{host}:{port}" in self.hosts or (host in self.hosts and port in PORTS.values())

    def check(self, host: str, port: int) -> None:
        """Refuse what need not be resolved to be refused."""
        if self.exempt(host, port):
            return
        if port not in PORTS.values():
            raise _refused(f"port {port} of {host} is neither 80 nor 443", f"{host}:{port}")
        if any(host == name or host.endswith(f".{name}") for name in _OWN_NAMES):
            raise _refused(f"{host} is a name inside a network", host)
        try:
            number = ip_address(host.strip("[]"))
        except ValueError:
            return
        if not is_public(number):
            raise _refused(f"{host} is not a public address", host)

    def choose(self, host: str, port: int, found: Sequence[str]) -> Sequence[str]:
        """The numeric addresses that a name was resolved to, if all of them may be connected to."""
        self.check(host, port)
        if not self.exempt(host, port):
            own = _own_addresses()
            for text in found:
                number = ip_address(text)
                if not is_public(number) or number in own:
                    raise _refused(f"{host} stands for {number}, which is not a public address", host)
        return found


def is_public(number: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public network, also by the IPv4 address that it may hold."""
    if isinstance(number, IPv6Address):
        for network, shift in _HOLDING.items():
            if number in network:
                return is_public(IPv4Address(int(number) >> shift & 0xFFFFFFFF))
        if number not in _GLOBAL:
            return False
    if any(number in network for network in _NEVER):
        return False
    return number.is_global and not number.is_multicast and not number.is_reserved


def host_entry(text: str) -> str:
    """An allowed host as `Rules` compares it; `InputError` where it is neither `HOST` nor `HOST:PORT`."""
    found = _HOST.fullmatch(text.strip())
    if not found or not found[1]:
        raise InputError(f"“{text[:100]}” is not of the form HOST or HOST:PORT")
    host = parse(f"http://{text.strip()}").host
    return f"{host}:{int(found[2])}" if found[2] else host


def _own_addresses() -> set[IPv4Address | IPv6Address]:
    """This machine's: even a public one leads to services that others cannot reach."""
    import psutil

    found = set()
    for interface in psutil.net_if_addrs().values():
        for each in interface:
            try:
                found.add(ip_address(each.address.partition("%")[0]))
            except ValueError:  # a hardware address
                continue
    return found


def _refused(reason: str, host: str) -> AddressError:
    return AddressError(
        f"Nothing is fetched from there: {reason}",
        hint=f"Who runs the server can allow it: gradus serve --allow-host {host}",
    )
