"""How much may be sent, by the limit and by the disk (A14)."""

from __future__ import annotations

import os
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from gradus.core.errors import StorageFullError
from gradus.data import uploads
from gradus.services.room import Room

Usage = namedtuple("Usage", "total used free")
LARGE = Usage(10**15, 0, 10**15)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: LARGE)
    return Room(tmp_path / "uploads", 1000)


def test_what_is_kept_and_what_is_coming_stay_under_the_limit(room: Room, tmp_path: Path) -> None:
    uploads.keep(tmp_path / "uploads", "a", BytesIO(bytes(400)))
    with room.reserve(500):
        assert room.coming == 500
        with pytest.raises(StorageFullError, match="1,000 bytes together"):
            room.take(101)
        with room.reserve(100):
            assert room.coming == 600
    assert room.coming == 0
    with room.reserve(600):
        pass


def test_what_fails_gives_its_room_back(room: Room) -> None:
    with pytest.raises(ConnectionError), room.reserve(1000):
        raise ConnectionError
    assert room.coming == 0


def test_what_is_a_day_old_makes_room(room: Room, tmp_path: Path) -> None:
    uploads.keep(tmp_path / "uploads", "a", BytesIO(bytes(900)))
    for folder in (tmp_path / "uploads").iterdir():
        os.utime(folder, (0, time.time() - 90_000))
    with room.reserve(1000):
        assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("total", "free", "fits"),
    [(2**40, (2 << 30) + 2000, True), (2**40, (2 << 30) + 1998, False), (10**6, 52_000, True), (10**6, 51_998, False)],
)
def test_five_percent_or_two_gibibytes_stay_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, free: int, fits: bool
) -> None:
    """The thousand bytes that come take two thousand, as received and as kept."""
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(total, total - free, free))
    room = Room(tmp_path / "not" / "yet", 10**12)
    if fits:
        room.take(1000)
    else:
        with pytest.raises(StorageFullError, match="No room to write what is sent"):
            room.take(1000)


def test_threads_do_not_get_the_same_room_twice(room: Room) -> None:
    def grab(_number: int) -> int:
        try:
            room.take(100)
        except StorageFullError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(grab, range(40))) == 10
