"""Databases that were lost, damaged or cut off by a power failure."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradus.core.job import JobKind
from gradus.core.state import JobState
from gradus.jobs.home import Home
from gradus.jobs.query import JobQuery
from gradus.jobs.store import Store


def _fill(store: Store, record_of) -> dict[str, object]:
    dataset = store.create(record_of("d", train="/pictures"))
    model = store.create(record_of("m", JobKind.MODEL, dataset.id, device="cuda:1"), [dataset.id])
    store.transition(dataset.id, JobState.WAITING, JobState.STARTING)
    store.transition(dataset.id, JobState.STARTING, JobState.RUNNING)
    store.transition(dataset.id, JobState.RUNNING, JobState.DONE)
    store.transition(model.id, JobState.WAITING, JobState.ERROR)
    store.resume(model.id)
    store.edit(model.id, notes="kept", group="g")
    return {job_id: store.record(job_id) for job_id in (dataset.id, model.id)}


@pytest.mark.parametrize("damage", ["lost", "garbled", "cut"])
def test_a_database_that_is_gone_or_broken_is_made_anew_from_the_folders(tmp_path, record_of, damage, caplog):
    caplog.set_level(logging.WARNING)
    home = Home(tmp_path)
    store = Store(home)
    before = _fill(store, record_of)
    (dataset_id, model_id) = before
    store.close()
    content = home.database.read_bytes()
    if damage == "lost":
        home.database.unlink()
    elif damage == "garbled":
        home.database.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    else:
        home.database.write_bytes(content[: len(content) // 2])
    (home.jobs / "20260101-000000-0000000000").mkdir()  # a folder without a record is left alone
    (home.jobs / "notes.txt").touch()
    store = Store(home)
    assert {job_id: store.record(job_id) for job_id in before} == before
    assert store.list(JobQuery()).total == 2
    assert [job.id for job in store.list(JobQuery(descending=False)).items] == [dataset_id, model_id]
    assert [user.id for user in store.users_of(dataset_id)] == [model_id]
    assert store.resumed(model_id)
    (waiting,) = store.waiting()
    assert waiting.wish == "cuda:1"
    assert len(list(tmp_path.glob("gradus.db.damaged-*"))) == (0 if damage == "lost" else 1)
    assert "2 jobs" in caplog.text
    store.close()


def test_a_sound_database_is_not_compared_with_the_folders(tmp_path, record_of):
    home = Home(tmp_path)
    store = Store(home)
    job = store.create(record_of())
    store.delete(job.id)
    kept = store.create(record_of())
    store.close()
    (home.job_folder(kept.id) / "job.json").write_text("{")  # nobody looks
    store = Store(home)
    assert store.list(JobQuery()).total == 1
    store.close()


def test_a_model_older_than_its_dataset_by_a_clock_set_back_is_kept(tmp_path, record_of):
    home = Home(tmp_path)
    store = Store(home)
    dataset = store.create(record_of("d"))
    record = record_of("m", JobKind.MODEL, dataset.id)
    job = record.job.model_copy(update={"created": dataset.created - 3600})
    store.create(record.model_copy(update={"job": job}), [dataset.id])
    store.close()
    home.database.unlink()
    store = Store(home)
    assert [user.id for user in store.users_of(dataset.id)] == [job.id]
    store.close()


def test_copies_taken_while_jobs_are_written_hold_every_job_acknowledged_before(tmp_path, record_of):
    """A power failure: what is on the disk at that moment is all there is."""
    home = Home(tmp_path / "home")
    store = Store(home)
    acknowledged: list[str] = []
    stop = threading.Event()

    def create() -> None:
        while not stop.is_set():
            acknowledged.append(store.create(record_of()).id)

    writer = threading.Thread(target=create)
    writer.start()
    copies: list[tuple[Path, int]] = []
    while len(copies) < 8:
        known = len(acknowledged)
        if known < 3 * len(copies) + 1:
            continue
        target = tmp_path / f"copy{len(copies)}"
        target.mkdir()
        shutil.copyfile(f"{home.database}", target / "gradus.db")  # the main file first: it only ever gains
        shutil.copyfile(f"{home.database}-wal", target / "gradus.db-wal")
        copies.append((target, known))
    stop.set()
    writer.join()
    store.close()
    for target, known in copies:
        with sqlite3.connect(target / "gradus.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            ids = [row[0] for row in connection.execute("SELECT id FROM jobs ORDER BY number")]
        connection.close()
        assert set(acknowledged[:known]) <= set(ids)
        assert ids == acknowledged[: len(ids)] or ids[:-1] == acknowledged[: len(ids) - 1]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[bytes, bytes, list[str]]:
    """The main file and the log of a database whose ten jobs are all still in the log, and their ids."""
    from gradus.core.job import Job, JobRecord, new_job_id

    home = Home(tmp_path_factory.mktemp("written"))
    store = Store(home)
    store.database.checkpoint()
    ids = []
    for number in range(10):
        job = Job(
            id=new_job_id(), kind=JobKind.DATASET, type="t", name=str(number), state=JobState.WAITING, created=number
        )
        ids.append(store.create(JobRecord(job=job, options={}, history=[])).id)
    files = home.database.read_bytes(), Path(f"{home.database}-wal").read_bytes()
    store.close()
    return (*files, ids)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.floats(0, 1), garble=st.booleans())
def test_a_log_cut_or_garbled_anywhere_leaves_a_prefix_of_the_jobs(tmp_path_factory, written, cut, garble):
    main, log, ids = written
    target = tmp_path_factory.mktemp("cut") / "gradus.db"
    target.write_bytes(main)
    at = int(len(log) * cut)
    Path(f"{target}-wal").write_bytes(log[:at] + (b"\x5a" * min(64, len(log) - at) + log[at + 64 :] if garble else b""))
    with sqlite3.connect(target) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = [row[0] for row in connection.execute("SELECT id FROM jobs ORDER BY number")]
        orphans = connection.execute("SELECT count(*) FROM transitions WHERE job_id NOT IN (SELECT id FROM jobs)")
        assert orphans.fetchone() == (0,)
    connection.close()
    assert found == ids[: len(found)]
