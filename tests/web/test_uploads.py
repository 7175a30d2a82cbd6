"""Files that are sent, broken off, too many, or met by a full disk (A14, A33, F16, F43)."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from gradus.services.settings import Settings
from gradus.web.received import MOST_FILES

MEBIBYTE = 1 << 20


def held(folder: Path) -> list[str]:
    """Files below a folder that this process has open: those without a name too."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(str(descriptor.readlink()))
    return [name for name in found if name.startswith(str(folder)) and "gradus.db" not in name and ".lock" not in name]


@pytest.fixture
def spool(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is received lies in the home, as `gradus serve` has it."""
    settings.home.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(settings.home))
    return settings.home


def body(content: bytes) -> tuple[bytes, bytes]:
    """A form with one file, and what ends it."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return head + content, b"\r\n--x--\r\n"


def begin(server: Any, length: int) -> socket.socket:
    """A request for an upload, up to its body."""
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port), timeout=20)
    token = server.house.keys.start_token
    connection.sendall(
        f"POST /api/v1/uploads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    return connection


def soon(condition: Any) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def test_a14_an_upload_that_is_broken_off_leaves_nothing(spool: Path, server: Any) -> None:
    content, last = body(os.urandom(8 * MEBIBYTE))
    connection = begin(server, len(content) + len(last))
    connection.sendall(content[: len(content) // 2])
    soon(lambda: held(spool))  # it is on the disk of the home, in a file without a name
    assert server.house.room.coming == len(content) + len(last)
    assert not [p for p in spool.iterdir() if p.name.startswith("tmp")]
    connection.close()
    soon(lambda: server.house.room.coming == 0)
    assert held(spool) == []
    assert not server.house.home.uploads.exists()


def test_f43_broken_off_a_hundred_times_at_any_byte(spool: Path, server: Any) -> None:
    chance = random.Random(43)
    content, last = body(os.urandom(2 * MEBIBYTE))
    whole = content + last
    for _ in range(100):
        connection = begin(server, len(whole))
        with suppress(ConnectionError):
            connection.sendall(whole[: chance.randrange(len(whole))])
        connection.close()
    soon(lambda: server.house.room.coming == 0 and not held(spool))
    assert not server.house.home.uploads.exists()
    assert server.program().get("/api/v1/jobs").json()["total"] == 0
    sent = server.program().post("/api/v1/uploads", files={"file": ("a.zip", content)})
    assert (sent.status_code, sent.json()["bytes"]) == (201, len(content))


def test_more_than_the_limit_is_refused_before_it_comes(server: Any) -> None:
    server.house.room._most = 1000
    with begin(server, 2000) as connection:
        answer = connection.recv(4096).decode()
    assert " 507 " in answer.splitlines()[0]
    assert "1,000 bytes together" in answer
    assert server.house.room.coming == 0


def test_a_length_is_needed(server: Any) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"".join(body(b"x"))

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = server.program().post("/api/v1/uploads", content=pieces(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    "given", [{"files": {"other": ("a", b"x")}}, {"data": {"file": "text"}, "files": {"x": ("a", b"")}}, {"json": {}}]
)
def test_without_a_file_the_field_is_named(server: Any, given: dict[str, Any]) -> None:
    response = server.program().post("/api/v1/uploads", **given)
    assert (response.status_code, response.json()["field"]) == (422, "file")


def test_too_many_files_at_once_are_refused(server: Any) -> None:
    files = [("file", (f"{n}", b"x")) for n in range(MOST_FILES + 1)]
    assert server.program().post("/api/v1/uploads", files=files).status_code == 400
    assert server.house.room.coming == 0


@pytest.fixture
def small_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home on a disk of 6 MiB."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    settings.home.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(settings.home)], check=False)
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    monkeypatch.setattr(tempfile, "tempdir", str(settings.home))
    yield settings.home
    subprocess.run(["umount", "--lazy", str(settings.home)], check=True)


@pytest.mark.parametrize("mebibytes", [4, 8])
def test_f16_a_disk_that_fills_up_while_a_file_comes_is_told(
    small_disk: Path, server: Any, monkeypatch: pytest.MonkeyPatch, mebibytes: int
) -> None:
    """4 MiB are received and cannot be kept, 8 cannot even be received; there was room when they began to come."""
    monkeypatch.setattr(server.house.room, "take", lambda _count: None)
    monkeypatch.setattr(server.house.room, "give_back", lambda _count: None)
    free = shutil.disk_usage(small_disk).free
    content = os.urandom(mebibytes * MEBIBYTE)
    response = server.program().post("/api/v1/uploads", files={"file": ("a.zip", content)})
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    assert "free at" in response.json()["detail"]
    page = server.browser()
    token = page.headers["X-CSRF-Token"]
    shown = page.post("/datasets/new/classification", data={"csrf": token}, files={"train_upload": ("a.zip", content)})
    assert shown.status_code == 507
    assert "disk is full" in shown.text
    soon(lambda: not held(small_disk))
    assert list(server.house.home.path.glob("uploads/*")) == []
    assert abs(shutil.disk_usage(small_disk).free - free) < MEBIBYTE // 2  # but for what the database grew
    assert server.program().post("/api/v1/uploads", files={"file": ("a.txt", b"x")}).status_code == 201


def test_f16_no_room_is_told_before_the_file_comes(small_disk: Path, server: Any) -> None:
    response = server.program().post("/api/v1/uploads", files={"file": ("a.zip", bytes(4 * MEBIBYTE))})
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    assert not server.house.home.uploads.exists()


@pytest.mark.parametrize("name", ["x.svg", "x.html", "x.png"])
def test_a33_what_was_sent_is_served_to_nobody(server: Any, name: str) -> None:
    client = server.program()
    reference = client.post("/api/v1/uploads", files={"file": (name, b"<svg onload='alert(1)'/>")}).json()["reference"]
    path = reference.removeprefix("upload:")
    for address in (
        f"/uploads/{path}", f"/api/v1/uploads/{path}", f"/files/uploads/{path}", f"/static/uploads/{path}",
        f"/static/x/../../uploads/{path}", f"/api/v1/uploads/{reference}",
    ):  # fmt: skip
        response = client.get(address)
        assert response.status_code in (404, 405)
        assert b"alert" not in response.content
