"""The event file: nothing lost, nothing twice, whatever happens to its end."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradus.core.errors import StorageFullError
from gradus.core.event import Finished, Metrics, Progress, Warned
from gradus.jobs import events as module
from gradus.jobs.events import EventReader, EventWriter, end_of_lines


def _write(path: Path, *events) -> None:
    writer = EventWriter(path)
    for event in events:
        writer.write(event)
    writer.close()


def _point(step: int) -> Metrics:
    return Metrics(step=step, epoch=step / 10, values={"train/loss": 0.5, "gap": None})


def test_events_come_back_numbered_from_one_and_numbering_goes_on_after_a_resume(tmp_path):
    path = tmp_path / "events.jsonl"
    _write(path, _point(1), Finished(outcome="aborted"))
    _write(path, _point(2), Finished(outcome="done"))
    events = EventReader(path).read()
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.values for event in events if isinstance(event, Metrics)] == [_point(1).values] * 2
    assert all(event.time > 0 for event in events)


def test_progress_is_thinned_and_its_last_word_kept_but_no_point_is_dropped(tmp_path):
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    for step in range(200):
        writer.write(Progress(fraction=step / 200, activity=f"step {step}"))
    for step in range(200):
        writer.write(_point(step))
    writer.write(Progress(fraction=1, activity="last"))
    writer.write(Finished(outcome="done"))
    writer.close()
    events = EventReader(path).read()
    assert [event.step for event in events if isinstance(event, Metrics)] == list(range(200))
    told = [event.activity for event in events if isinstance(event, Progress)]
    assert told[0] == "step 0"
    assert told[-1] == "last"
    assert "step 199" in told
    assert len(told) < 20
    assert isinstance(events[-1], Finished)


@settings(deadline=None)
@given(parts=st.lists(st.floats(0, 1), max_size=8))
def test_a_reader_that_sees_the_file_grow_by_any_pieces_gets_every_event_once(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("events")
    _write(folder / "whole", *(_point(step) for step in range(8)), Warned(message="ü\u2028\n"))
    content = (folder / "whole").read_bytes()
    cuts = sorted(int(len(content) * part) for part in parts)
    growing = folder / "growing"
    reader, seen, before = EventReader(growing), [], 0
    assert reader.read() == []
    for cut in [*cuts, len(content)]:
        with growing.open("ab") as file:
            file.write(content[before:cut])
        before = cut
        seen += reader.read()
        assert reader.offset == growing.read_bytes().rfind(b"\n") + 1 == end_of_lines(growing)
    assert seen == EventReader(folder / "whole").read()
    assert reader.garbled == []


@settings(deadline=None)
@given(cut=st.integers(0, 400))
def test_a_writer_goes_on_after_a_file_cut_off_anywhere(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    _write(path, *(_point(step) for step in range(4)))
    content = path.read_bytes()
    path.write_bytes(content[:cut])
    whole = content[: min(cut, len(content))].count(b"\n")
    _write(path, _point(100))
    events = EventReader(path).read()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].step == 100
    assert len(events) - 1 in (whole, whole + 1)  # one more where only the end of the line was missing


def test_a_garbled_line_is_passed_over_and_reported(tmp_path):
    path = tmp_path / "events.jsonl"
    _write(path, _point(1))
    with path.open("ab") as file:
        file.write(b"\0\0\0garbage\n{}\n\xff\xfe\n")
    _write(path, _point(2))
    reader = EventReader(path)
    assert [event.step for event in reader.read()] == [1, 2]
    assert len(reader.garbled) == 3


def test_long_files_are_read_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 64)
    path = tmp_path / "events.jsonl"
    _write(path, Warned(message="x" * 1000), *(_point(step) for step in range(50)))
    reader, seen = EventReader(path), []
    while more := reader.read():
        seen += more
    assert len(seen) == 51


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(_point(1))
    real, calls = os.write, []

    def half_then_full(descriptor: int, data: bytes) -> int:
        calls.append(1)
        if len(calls) == 1:
            return real(descriptor, bytes(data)[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", half_then_full)
        with pytest.raises(StorageFullError):
            writer.write(_point(2))
    writer.write(_point(3))
    writer.close()
    events = EventReader(path).read()
    assert [(event.seq, event.step) for event in events] == [(1, 1), (2, 3)]


def test_the_last_word_is_on_the_disk_when_it_is_written(tmp_path, monkeypatch):
    synced = []
    writer = EventWriter(tmp_path / "events.jsonl", sync_seconds=3600)
    monkeypatch.setattr(module.os, "fsync", synced.append)
    writer.write(_point(1))
    assert synced == []
    writer.write(Finished(outcome="done"))
    assert len(synced) == 1
    writer.close()


def test_after_a_disk_that_failed_to_sync_nothing_more_is_claimed(tmp_path, monkeypatch):
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writer = EventWriter(tmp_path / "events.jsonl", sync_seconds=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", fail)
        writer.write(_point(1))
        writer._syncer.join()
    with pytest.raises(OSError, match="Input/output"):
        writer.write(_point(2))
    writer.close()
