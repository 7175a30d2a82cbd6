from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradus.core.errors import ConflictError, GradusError
from gradus.services.house import House
from gradus.services.settings import Settings


def test_f13_a_second_house_on_the_home_says_who_holds_it(house: House, settings: Settings, host: Any) -> None:
    house.announce("http://127.0.0.1:5999")
    with pytest.raises(ConflictError, match=r"127\.0\.0\.1:5999"):
        House(settings, host=host).open("server")
    house.store.counts()  # and the first is not disturbed


def test_a_closed_home_is_free_for_the_next(settings: Settings, host: Any) -> None:
    for _ in range(2):
        with House(settings, host=host).open("command") as house:
            house.announce("http://127.0.0.1:1")
            assert (settings.home / "server.json").is_file()
        assert not (settings.home / "server.json").exists()
        assert not (settings.home / "auth" / "local.key").exists()


def test_what_fails_to_open_leaves_the_home_free(
    settings: Settings, host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise GradusError("the host does not start")

    with monkeypatch.context() as patch:
        patch.setattr(host, "start", fail)
        with pytest.raises(GradusError, match="does not start"):
            House(settings, host=host).open()
    with House(settings, host=host).open():
        pass


def test_roots_are_resolved_once(tmp_path: Path, host: Any) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    settings = Settings(home=tmp_path / "home", data_roots=[tmp_path / "link", tmp_path / "real"])
    assert House(settings, host=host).roots == (tmp_path / "real",)
