from __future__ import annotations

import datetime
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gradus.core.errors import AddressError, InputError
from gradus.data.remote.address import Rules
from gradus.data.remote.fetcher import Fetcher
from gradus.data.remote.wire import HaltedError

URL = "http://pictures.test"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def got(fetcher: Fetcher, text: str, **more: int) -> bytes:
    into = io.BytesIO()
    fetcher.get(text, into, **more)
    return into.getvalue()


def answers(content: bytes, status: str = "200 OK", *lines: str) -> Callable[[socket.socket], None]:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", "Connection: close", *lines))
    return lambda taken: taken.sendall(head.encode() + b"\r\n" + content)


def test_a_picture_is_fetched_with_nothing_but_the_request(fetcher, site) -> None:
    site.pages["/a.png"] = (200, {"Set-Cookie": "a=b"}, b"\x89PNG" * 1000)
    web = fetcher(site.port)
    assert got(web, f"{site.url}/a.png") == b"\x89PNG" * 1000
    assert got(web, f"{site.url}/a.png") == b"\x89PNG" * 1000
    assert site.agents[0].startswith("Gradus/")


def test_the_request_names_the_host_and_asks_for_the_plain_form(fetcher, listener) -> None:
    heard = listener(answers(b"x", "200 OK", "Content-Length: 1"))
    got(fetcher(heard.port), f"{URL}:{heard.port}/a%20b?q")
    request = heard.requests[0].decode().lower()
    assert request.startswith("get /a%20b?q http/1.1\r\n")
    assert f"host: pictures.test:{heard.port}\r\n" in request
    assert "accept-encoding: identity\r\n" in request
    assert "cookie" not in request and "authorization" not in request


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0", "0x7f000001", "2130706433", "127.1", "[::ffff:127.0.0.1]", "own"]
)
def test_a20_the_listener_sees_no_connection(fetcher, listener, host: str) -> None:
    heard = listener()
    name = socket.gethostname() if host == "own" else host
    for port in (heard.port, 80):
        with pytest.raises(AddressError):
            got(Fetcher(Rules()), f"http://{name}:{port}/")
    assert heard.connections == 0


def test_a20_a_name_that_stands_for_this_machine(fetcher, listener) -> None:
    heard = listener()
    web = Fetcher(Rules(), resolver=lambda *_: ["127.0.0.1"])
    with pytest.raises(AddressError):
        got(web, "http://www.example.org/")
    assert heard.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a22_a_redirect_to_this_machine(fetcher, site, listener, status: int) -> None:
    heard = listener()
    for target in (f"http://127.0.0.1:{heard.port}/", f"//localhost:{heard.port}/", "file:///etc/passwd"):
        site.pages["/a"] = (status, {"Location": target}, b"")
        with pytest.raises(InputError):
            got(fetcher(site.port), f"{site.url}/a")
    assert heard.connections == 0


def test_a22_a_refresh_inside_a_page_is_not_followed(fetcher, site, listener) -> None:
    heard = listener()
    page = f'<meta http-equiv="refresh" content="0; url=http://127.0.0.1:{heard.port}/">'.encode()
    site.pages["/a"] = (200, {"Refresh": f"0; url=http://127.0.0.1:{heard.port}/"}, page)
    assert got(fetcher(site.port), f"{site.url}/a") == page
    assert heard.connections == 0


def test_a22_three_redirects_and_no_more(fetcher, site) -> None:
    site.pages |= {f"/{i}": (302, {"Location": f"/{i + 1}"}, b"gone") for i in range(4)}
    site.pages["/4"] = b"here"
    assert got(fetcher(site.port), f"{site.url}/1") == b"here"
    with pytest.raises(InputError, match="redirects more than 3 times"):
        got(fetcher(site.port), f"{site.url}/0")


def test_a23_a_resolver_that_changes_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    web = Fetcher(Rules(), resolver=lambda *_: next(answers))
    with pytest.raises(InputError, match="cannot be reached"):
        got(web, "http://www.example.org/")
    assert set(tried) == {"93.184.216.34"}


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "], ids=["stream", "headers"])
def test_a24_what_never_ends(fetcher, listener, start: bytes) -> None:
    def trickle(taken: socket.socket) -> None:
        taken.sendall(start)
        while True:
            taken.sendall(b"x")
            time.sleep(0.05)

    heard = listener(trickle)
    with pytest.raises(InputError, match="does not answer in time"):
        got(fetcher(heard.port, seconds=1.0), f"{URL}:{heard.port}/")


def test_a24_a_server_that_never_answers(fetcher, listener) -> None:
    heard = listener(lambda taken: taken.recv(1))
    with pytest.raises(InputError, match="does not answer in time"):
        got(fetcher(heard.port, seconds=0.5), f"{URL}:{heard.port}/")


def test_a24_more_than_is_fetched_by_its_own_word(fetcher, listener) -> None:
    heard = listener(answers(b"", "200 OK", "Content-Length: 10737418240"))
    with pytest.raises(InputError, match="larger than the 1 MiB"):
        got(fetcher(heard.port), f"{URL}:{heard.port}/", most=2**20)


@pytest.mark.parametrize("lines", [[], ["Transfer-Encoding: chunked"]])
def test_a24_more_than_is_fetched_without_a_word(fetcher, listener, lines: list[str]) -> None:
    sent = 0

    def flood(taken: socket.socket) -> None:
        nonlocal sent
        taken.sendall(("HTTP/1.1 200 OK\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode())
        piece = b"10000\r\n" + bytes(65536) + b"\r\n" if lines else bytes(65536)
        while True:
            taken.sendall(piece)
            sent += 65536

    heard = listener(flood)
    into = io.BytesIO()
    with pytest.raises(InputError, match="larger than"):
        fetcher(heard.port).get(f"{URL}:{heard.port}/", into, most=2**20)
    assert len(into.getvalue()) <= 2**20
    assert sent < 64 * 2**20


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a24_a_compressed_answer(fetcher, listener, coding: str) -> None:
    heard = listener(answers(b"\x1f\x8b", "200 OK", f"Content-Encoding: {coding}", "Content-Length: 2"))
    with pytest.raises(InputError, match="compressed"):
        got(fetcher(heard.port), f"{URL}:{heard.port}/")


def test_a24_less_than_announced(fetcher, listener) -> None:
    heard = listener(answers(b"half", "200 OK", "Content-Length: 8"))
    with pytest.raises(InputError, match=r"HTTP|broke off"):
        got(fetcher(heard.port, seconds=4.0), f"{URL}:{heard.port}/")


def test_a24_more_than_announced(fetcher, listener) -> None:
    heard = listener(answers(b"12345678", "200 OK", "Content-Length: 4"))
    assert got(fetcher(heard.port), f"{URL}:{heard.port}/") == b"1234"


def test_a24_a_hundred_thousand_headers(fetcher, listener) -> None:
    heard = listener(answers(b"x", "200 OK", *(f"X-{i}: y" for i in range(100_000))))
    with pytest.raises(InputError, match="does not keep to HTTP"):
        got(fetcher(heard.port, seconds=4.0), f"{URL}:{heard.port}/")


def test_what_is_no_http(fetcher, listener) -> None:
    heard = listener(lambda taken: taken.sendall(b"220 smtp.example ESMTP\r\n"))
    with pytest.raises(InputError, match="does not keep to HTTP"):
        got(fetcher(heard.port, seconds=4.0), f"{URL}:{heard.port}/")


@pytest.mark.parametrize(("status", "words"), [(404, "no such thing"), (403, "not allow"), (401, "password")])
def test_what_the_server_refuses_is_said_and_not_asked_again(fetcher, site, status: int, words: str) -> None:
    site.pages["/a"] = (status, {}, b"")
    with pytest.raises(InputError, match=words) as error:
        got(fetcher(site.port), f"{site.url}/a")
    assert error.value.problem.file == f"{site.url}/a"
    assert site.asked == ["/a"]


def test_what_fails_by_chance_is_asked_again(fetcher, site) -> None:
    given = iter([(503, {}, b"busy"), b"here"])
    site.pages["/a"] = lambda: next(given)
    assert got(fetcher(site.port), f"{site.url}/a") == b"here"
    assert site.asked == ["/a", "/a"]


def test_a_host_that_is_not_there(fetcher) -> None:
    def fail(*_: object) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(InputError, match=r"no host www\.nowhere\.example"):
        got(Fetcher(Rules(), resolver=fail), "http://www.nowhere.example/")


def test_a_resolver_that_does_not_answer(fetcher) -> None:
    waiting = threading.Event()
    web = Fetcher(Rules(), seconds=0.5, resolver=lambda *_: [str(waiting.wait(20))])
    with pytest.raises(InputError, match="does not answer in time"):
        got(web, "http://www.example.org/")
    waiting.set()


def test_what_is_under_way_ends_when_it_is_halted(fetcher, listener) -> None:
    heard = listener(lambda taken: taken.recv(1))
    web = fetcher(heard.port, seconds=30.0)
    threading.Timer(0.3, web.halt.set).start()
    with pytest.raises(HaltedError):
        got(web, f"{URL}:{heard.port}/")


def certificate(name: str, folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for a name that it signed itself; `authority.pem` in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "authority.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.pem").write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.mark.parametrize(("name", "trusted"), [("pictures.test", True), ("other.test", True), ("pictures.test", False)])
def test_tls_verifies_the_name_and_not_the_number(
    fetcher, listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool
) -> None:
    server = certificate(name, tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    heard = listener()
    heard._one = lambda taken: tls(taken)  # type: ignore[method-assign]

    def tls(taken: socket.socket) -> None:
        try:
            with server.wrap_socket(taken, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsafe")
        except OSError:
            taken.close()

    web = fetcher(heard.port, seconds=4.0)
    if name == "pictures.test" and trusted:
        assert got(web, f"https://pictures.test:{heard.port}/") == b"safe"
    else:
        with pytest.raises(InputError, match="certificate verify failed"):
            got(web, f"https://pictures.test:{heard.port}/")


def test_proxies_of_the_environment_are_for_who_may_fetch_from_anywhere(listener, monkeypatch) -> None:
    proxy = listener(answers(b"by proxy", "200 OK", "Content-Length: 8"))
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "inside.test")
    with Fetcher(Rules(None), seconds=4.0, resolver=lambda *_: ["127.0.0.1"]) as web:
        assert got(web, "http://pictures.test/a.png") == b"by proxy"
        assert proxy.requests[0].startswith(b"GET http://pictures.test:80/a.png HTTP/1.1\r\n")
        assert b"proxy-authorization: basic bwu6cebzcw==" in proxy.requests[0].lower()  # me:p@ss
        with pytest.raises(InputError, match="cannot be reached"):
            got(web, "http://inside.test:1/a.png")
    with (
        Fetcher(Rules(), resolver=lambda *_: ["10.0.0.1"]) as web,
        pytest.raises(AddressError),
    ):
        got(web, "http://pictures.test/a.png")
    assert proxy.connections == 1


def test_from_https_to_http_is_not_followed(fetcher, site, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradus.data.remote.address import parse

    web = fetcher(site.port)
    monkeypatch.setattr(web, "_take", lambda *_: parse(f"{site.url}/plain"))
    with pytest.raises(InputError, match="from https to http"):
        got(web, f"https://pictures.test:{site.port}/")
    assert site.asked == []
