"""The server as a shell starts it: who holds the home, which port, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


def announced(server: subprocess.Popen[str]) -> dict[str, object]:
    """What `serve --json` says when it answers."""
    text = ""
    assert server.stdout is not None
    for line in server.stdout:
        text += line
        if line.startswith("}"):
            break
    return json.loads(text)


@pytest.fixture(scope="module")
def server(start: Start) -> dict[str, object]:
    return announced(start("serve", "--port", 0, "--json"))


def test_the_home_names_its_holder(server: dict[str, object], home: Path) -> None:
    written = json.loads((home / "server.json").read_text())
    assert written["pid"] == server["pid"]
    assert str(server["url"]).startswith(written["url"] + "/?token=")


def test_the_key_of_the_owner_is_for_the_owner(server: dict[str, object], home: Path) -> None:
    assert stat.S_IMODE((home / "auth" / "local.key").stat().st_mode) == 0o600


def test_a_second_server_is_refused_and_told_who_holds_the_home(server: dict[str, object], gradus: Run) -> None:
    ran = gradus("serve", "--port", 0)
    assert ran.returncode == 3
    assert str(server["pid"]) in ran.stderr
    assert str(server["url"]).split("/?")[0] in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_taken_port_is_named_and_nothing_is_started(gradus: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = gradus("serve", "--port", port, home=tmp_path / "untouched")
    assert ran.returncode == 3
    assert str(port) in ran.stderr
    assert "--port 0" in ran.stderr
    assert not (tmp_path / "untouched").exists()


def test_commands_go_to_the_server(server: dict[str, object], gradus: Run) -> None:
    assert json.loads(gradus("jobs", "list", "--json").stdout) == []


def test_the_token_is_the_one_of_the_address(server: dict[str, object], gradus: Run) -> None:
    answer = json.loads(gradus("token", "--json").stdout)
    assert answer["url"] == server["url"]
    assert str(server["url"]).endswith("?token=" + answer["token"])


def test_a_rotated_token_is_another(server: dict[str, object], gradus: Run) -> None:
    before = gradus("token").stdout
    rotated = gradus("token", "--rotate")
    assert rotated.returncode == 0, rotated.stderr
    assert rotated.stdout != before
    assert gradus("token").stdout == rotated.stdout


def test_doctor_finds_the_server(server: dict[str, object], gradus: Run) -> None:
    ran = gradus("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ran.stdout)}
    assert ran.returncode == 0, ran.stdout
    assert checks["Server"]["state"] == "ok"
    assert str(server["pid"]) in checks["Server"]["found"]
    assert checks["PyTorch"]["state"] == "ok"


def test_nobody_is_let_in_from_elsewhere_without_a_token(gradus: Run, tmp_path: Path) -> None:
    ran = gradus("serve", "--host", "0.0.0.0", "--auth", "none", "--port", 0, home=tmp_path / "open")
    assert ran.returncode == 2
    assert "loopback" in ran.stderr


def test_a_home_that_cannot_be_made_is_named(gradus: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = gradus("jobs", "list", home=tmp_path / "file" / "home")
    assert ran.returncode == 2
    assert "file" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_when_asked_and_frees_the_home(start: Start, tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "short"
    server = start("serve", "--port", 0, "--json", home=home)
    announced(server)
    server.send_signal(how)
    server.communicate(timeout=30)
    assert server.returncode == 0
    assert not (home / "server.json").exists()
