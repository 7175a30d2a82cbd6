"""Bodies that are too large, malformed or not what they say (A56, A57)."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.web.api.body import parse
from gradus.web.http_problem import HttpProblemError
from gradus.web.shield import limit_of

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b'{"a": NaN}', "NaN"), (b'{"a": -Infinity}', "Infinity"), (b'{"a": 1e999}', "1e999"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "digits"), (b"[" * 100_000, "valid"), (b"[" * 200 + b"]" * 200, "nested"),
        (b'{"a": 1,\n"b": }', "line 2"), (b"\xff\xfe{}", "valid"), (b"", "valid"), (b"{} {}", "valid"),
        (b'{"a": "\\ud800', "valid"),
    ],
)  # fmt: skip
def test_a56_json_that_is_none_is_told(body: bytes, match: str) -> None:
    with pytest.raises(HttpProblemError) as caught:
        parse(body)
    assert match in caught.value.found[0].message
    assert caught.value.status_code == 400


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"9" * 10_000])
def test_a62_a_number_that_is_none_is_told_with_its_name(number: bytes) -> None:
    with pytest.raises(HttpProblemError) as caught:
        parse(b'{"name": "x", "momentum": ' + number + b"}")
    assert caught.value.found[0].field == "momentum"
    with pytest.raises(HttpProblemError):
        parse(b"[1, " + number + b"]")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except HttpProblemError as error:
        assert error.status_code == 400


def test_the_problem_names_the_line(server: Any) -> None:
    response = server.program().post("/api/v1/datasets", content=b'{"name": "x",\n "train": }', headers=JSON)
    assert (response.status_code, response.json()["line"], response.json()["code"]) == (400, 2, "malformed_json")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_a51_a57_json_under_another_name_is_refused(server: Any, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = server.program().post("/api/v1/tokens", content=b'{"name": "x"}', headers=headers)
    assert response.status_code == 415
    assert server.house.keys.tokens() == []


def test_a_compressed_body_is_refused(server: Any) -> None:
    headers = {**JSON, "Content-Encoding": "deflate"}
    content = zlib.compress(b'{"name": "x"}')
    assert server.program().post("/api/v1/tokens", content=content, headers=headers).status_code == 415


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * (1 << 16)


@pytest.mark.parametrize("path", ["/api/v1/datasets", "/api/v1/tokens", "/nothing"])
def test_a_body_is_cut_off_where_it_becomes_too_large(server: Any, path: str) -> None:
    """Announced or not: the second is sent in chunks without a length."""
    client = server.program()
    assert client.post(path, content=b" " * (1 << 20 | 1), headers=JSON).status_code == 413
    try:
        response = client.post(path, content=chunks(64), headers=JSON)
    except httpx.TransportError:  # it was answered, and the line closed, while we were still sending
        return
    assert response.status_code in (404, 405, 413)


def test_the_limits_are_those_of_the_contents() -> None:
    assert limit_of("/api/v1/datasets") == 1 << 20
    assert limit_of("/api/v1/models/20260101-000000-0123456789/predictions") == 64 << 20
    assert limit_of("/api/v1/models/x/y/predictions") == 1 << 20


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "0x10", "１２"])
def test_a_length_that_is_none_is_refused(server: Any, length: str) -> None:
    status = raw(server, f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
    assert 400 <= status < 500


def raw(server: Any, text: str) -> int:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(text.encode())
        return int(connection.recv(4096).split()[1])


def test_a56_length_and_chunks_together_are_refused(server: Any) -> None:
    text = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert 400 <= raw(server, text) < 500


def test_a56_many_fields_and_parts_are_refused(server: Any) -> None:
    client = server.browser()
    fields = "&".join(f"f{n}=1" for n in range(100_000)).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert 400 <= client.post("/login", content=fields, headers=headers).status_code < 500
    parts = [("image", (f"{n}.png", b"x")) for n in range(5000)]
    response = server.program().post("/api/v1/models/20260101-000000-0123456789/predictions", files=parts)
    assert 400 <= response.status_code < 500
