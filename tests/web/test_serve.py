from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from gradus.core.errors import ConflictError, InputError
from gradus.web import protocol
from gradus.web.serve import address_of, listen, listen_unix, make_server


def test_f14_a_taken_port_is_told_with_a_way_out() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError) as caught:
            listen("127.0.0.1", port)
    assert (caught.value.problem.code, caught.value.problem.field) == ("port_taken", "port")
    assert str(port) in str(caught.value)
    assert "--port 0" in (caught.value.problem.hint or "")


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(InputError) as caught:
        listen("203.0.113.7", 0)
    assert caught.value.problem.field == "host"


@pytest.mark.parametrize(("host", "begin"), [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:")])
def test_the_address_can_be_opened(host: str, begin: str) -> None:
    with listen(host, 0) as listener:
        assert address_of(listener) == f"{begin}{listener.getsockname()[1]}"


def test_a_unix_socket_replaces_a_dead_one_only(tmp_path: Path) -> None:
    path = tmp_path / "gradus.sock"
    listen_unix(path).close()
    assert path.exists()
    with listen_unix(path):
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConflictError, match="another program"):
            listen_unix(path)
    path.unlink()
    path.write_text("precious")
    with pytest.raises(ConflictError, match="not a socket"):
        listen_unix(path)
    assert path.read_text() == "precious"


def test_f08_stopping_does_not_wait_for_those_who_listen(server: Any) -> None:
    """The streams end by themselves; without that uvicorn would wait for them until its limit and complain."""
    listener = listen("127.0.0.1", 0)
    url = address_of(listener)
    app = server.app
    second = make_server(app)
    thread = threading.Thread(target=second.run, kwargs={"sockets": [listener]})
    thread.start()
    until = time.monotonic() + 20
    while not second.started:
        assert time.monotonic() < until
        time.sleep(0.01)
    headers = {"Authorization": f"Bearer {server.house.keys.start_token}"}
    with httpx.stream("GET", f"{url}/events?topics=jobs", headers=headers, timeout=20) as response:
        assert response.status_code == 200
        second.should_exit = True
        assert b"".join(response.iter_raw()).startswith(b"retry:")  # it ends, and ends well
    thread.join(20)
    assert not thread.is_alive()
    listener.close()


def test_a56_a_header_without_end_is_refused(server: Any) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        sent = 0
        try:
            while sent < 64 << 20:
                connection.sendall(b"x" * 65_000)
                sent += 65_000
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 16 << 20  # what the sockets' buffers take


def test_f42_a_head_that_does_not_come_is_not_waited_for(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    url = httpx.URL(server.url)
    for begin in (b"", b"GET / HTTP/1.1\r\nHost: "):
        with socket.create_connection((url.host, url.port), timeout=20) as connection:
            connection.sendall(begin)
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    with httpx.Client() as client:  # a connection that is kept alive is
        assert client.get(f"{server.url}/healthz").status_code == 200
        time.sleep(0.4)
        assert client.get(f"{server.url}/healthz").status_code == 200
