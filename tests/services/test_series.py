from __future__ import annotations

from pathlib import Path

import pytest

from gradus.core.event import Metrics, Progress, Started
from gradus.jobs.events import EventWriter
from gradus.services.series import CurveCache, Curves


def write(path: Path, *events: Metrics | Progress | Started) -> None:
    writer = EventWriter(path)
    for event in events:
        writer.write(event)
    writer.close()


def point(step: int, **values: float | None) -> Metrics:
    return Metrics(step=step, epoch=step / 10, values=dict(values))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def values(curves: Curves, name: str) -> list[tuple[int, float | None]]:
    found = {one.name: one for one in curves.thinned(100)}
    return [(p.step, p.value) for p in found[name].points]


def test_only_what_is_new_is_read(path: Path) -> None:
    curves = Curves(path)
    curves.update()
    assert curves.thinned(10) == []
    write(path, Progress(fraction=0.1, activity="x"), point(10, loss=2.0, rate=0.1))
    curves.update()
    write(path, point(20, loss=1.0))
    curves.update()
    curves.update()
    assert values(curves, "loss") == [(10, 2.0), (20, 1.0)]
    assert curves.latest() == {"loss": 1.0, "rate": 0.1}
    assert curves.seq == 3


def test_what_is_not_finite_is_a_gap(path: Path) -> None:
    write(path, point(1, loss=1.0), point(2, loss=float("nan")), point(3, loss=None), point(4, loss=float("inf")))
    curves = Curves(path)
    curves.update()
    assert values(curves, "loss") == [(1, 1.0), (2, None), (3, None), (4, None)]
    assert curves.latest() == {"loss": None}
    assert "null" in curves.thinned(10)[0].model_dump_json()


def test_a_line_that_is_being_written_waits(path: Path) -> None:
    write(path, point(1, loss=1.0), point(2, loss=2.0))
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    curves = Curves(path)
    curves.update()
    assert values(curves, "loss") == [(1, 1.0)]
    path.write_bytes(whole)
    curves.update()
    assert values(curves, "loss") == [(1, 1.0), (2, 2.0)]


def test_a_training_that_goes_on_replaces_what_it_repeats(path: Path) -> None:
    write(path, *(point(step, loss=float(step)) for step in (10, 20, 30)))
    write(path, Started(pid=1, start_time=1, nonce="n"), point(20, loss=0.2), point(40, loss=0.4))
    curves = Curves(path)
    curves.update()
    assert values(curves, "loss") == [(10, 10.0), (20, 0.2), (40, 0.4)]


def test_points_say_when_they_were_measured(path: Path) -> None:
    write(path, point(1, loss=1.0))
    curves = Curves(path)
    curves.update()
    measured = curves.thinned(10)[0].points[0].time
    assert measured is not None
    assert abs(measured - path.stat().st_mtime) < 60


def test_a_hundred_jobs_do_not_stay_in_memory(tmp_path: Path) -> None:
    cache = CurveCache()
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder / "events.jsonl", point(1, loss=float(number)))
        assert cache.of(str(number), folder).latest() == {"loss": float(number)}
    assert len(cache._jobs) == 32
