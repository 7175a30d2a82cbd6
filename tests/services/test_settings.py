from __future__ import annotations

import os
from pathlib import Path

import pytest

from gradus.core.errors import FormError, GradusError
from gradus.services.settings import load_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("GRADUS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_flag_wins_over_environment_over_file_over_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().port == 5000
    file = tmp_path / "gradus.toml"
    file.write_text('port = 6001\nhost = "127.0.0.2"\n')
    monkeypatch.setenv("GRADUS_CONFIG", str(file))
    assert (load_settings().port, load_settings().host) == (6001, "127.0.0.2")
    monkeypatch.setenv("GRADUS_PORT", "6002")
    assert load_settings().port == 6002
    assert load_settings(port=6003).port == 6003
    assert load_settings(port=None).port == 6002


def test_roots_come_as_a_path_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADUS_DATA_ROOTS", f"{tmp_path}/a{os.pathsep}~/b")
    assert load_settings().data_roots == [tmp_path / "a", tmp_path / "b"]


def test_without_roots_they_are_home_and_the_present_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert load_settings().data_roots == [tmp_path, tmp_path / "here"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "example.org", "::"])
def test_no_auth_on_the_network_is_refused(host: str) -> None:
    with pytest.raises(FormError) as caught:
        load_settings(host=host, auth="none")
    assert caught.value.problems()[0].field in ("auth", "host")
    assert host in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_no_auth_on_loopback_is_fine(host: str) -> None:
    assert load_settings(host=host, auth="none").loopback


@pytest.mark.parametrize(
    ("name", "value"), [("port", "x"), ("port", 70000), ("port", -1), ("auth", "some"), ("token", "short")]
)
def test_what_is_wrong_names_the_setting(name: str, value: object) -> None:
    with pytest.raises(FormError) as caught:
        load_settings(**{name: value})
    assert [p.field for p in caught.value.problems()] == [name]


def test_a_named_file_that_is_missing_or_broken_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADUS_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(GradusError, match=r"none\.toml"):
        load_settings()
    (tmp_path / "none.toml").write_text("port = = 1")
    with pytest.raises(GradusError, match="cannot be read"):
        load_settings()
