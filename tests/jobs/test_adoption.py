"""The process that schedules is killed while jobs run; the next one goes on where it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gradus.core.event import Metrics
from gradus.core.job import JobKind, JobRecord
from gradus.core.state import JobState
from gradus.data.files import write_json
from gradus.jobs.claim import Claim, is_claimed
from gradus.jobs.events import EventReader
from gradus.jobs.processes import Identity, identify, is_alive
from gradus.jobs.task import Task
from gradus.jobs.workers import WorkerRow

OWNER = Path(__file__).with_name("owner.py")


@pytest.fixture
def start_owner(workshop):
    """Starts a process that schedules what is in the workshop's home; it does not hear of later jobs."""
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, str(OWNER), str(workshop.home.path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def _kill(owner: subprocess.Popen) -> None:
    owner.kill()
    owner.wait()


def _points(events) -> list[int]:
    return [event.step for event in events if isinstance(event, Metrics)]


def test_a_running_job_is_adopted_and_not_one_point_is_missing(workshop, start_owner, eventually):
    job = workshop.create("steps")
    owner = start_owner()
    eventually(lambda: workshop.store.get(job.id).state is JobState.RUNNING)
    worker = workshop.store.workers.get(job.id)
    eventually(lambda: workshop.store.workers.get(job.id).offset > worker.offset)
    _kill(owner)
    assert is_alive(Identity(worker.pid, worker.start_time))
    offset = workshop.store.workers.get(job.id).offset
    file = workshop.folder(job) / "events.jsonl"
    size = file.stat().st_size
    eventually(lambda: file.stat().st_size > size)  # it goes on without a server
    published = []
    workshop.scheduler.subscribe(lambda _, message: published.append(message))
    workshop.scheduler.start()
    assert workshop.store.get(job.id).state is JobState.RUNNING
    (workshop.folder(job) / "go").touch()
    workshop.until(job, JobState.DONE)
    everything = EventReader(file).read()
    assert [event.seq for event in everything] == list(range(1, len(everything) + 1))
    assert _points(everything) == list(range(1, len(_points(everything)) + 1))
    assert _points(published) == _points(EventReader(file, offset).read())
    assert len([step for step in workshop.store.history(job.id) if step.after is JobState.STARTING]) == 1


def test_a_job_that_ended_while_nobody_looked_is_done(workshop, start_owner, eventually):
    job = workshop.create("steps")
    owner = start_owner()
    eventually(lambda: workshop.store.get(job.id).state is JobState.RUNNING)
    worker = workshop.store.workers.get(job.id)
    _kill(owner)
    (workshop.folder(job) / "go").touch()
    eventually(lambda: not is_alive(Identity(worker.pid, worker.start_time)))
    workshop.scheduler.start()
    workshop.until(job, JobState.DONE)


def test_a_worker_that_died_while_nobody_looked_is_an_error(workshop, start_owner, eventually):
    job = workshop.create("steps")
    owner = start_owner()
    eventually(lambda: workshop.store.get(job.id).state is JobState.RUNNING)
    _kill(owner)
    os.kill(workshop.store.workers.get(job.id).pid, signal.SIGKILL)
    workshop.scheduler.start()
    assert workshop.until(job, JobState.ERROR).problem.code == "worker_lost"


def test_an_adopted_job_can_be_aborted(workshop, start_owner, eventually):
    job = workshop.create("steps")
    owner = start_owner()
    eventually(lambda: workshop.store.get(job.id).state is JobState.RUNNING)
    worker = workshop.store.workers.get(job.id)
    _kill(owner)
    workshop.scheduler.start()
    workshop.scheduler.abort(job.id)
    workshop.until(job, JobState.ABORTED)
    assert not is_alive(Identity(worker.pid, worker.start_time))


def _at_work(workshop, state: JobState, row: dict[str, object], kind: JobKind = JobKind.DATASET):
    """A job as a killed server may have left it, with this in the workers' table."""
    job = workshop.create("finish", kind)
    worker = WorkerRow(job.id, **row)
    workshop.store.transition(job.id, JobState.WAITING, JobState.STARTING, worker=worker, device="cpu")
    if state is not JobState.STARTING:
        workshop.store.transition(job.id, JobState.STARTING, state)
    return job


def test_a_start_that_never_happened_is_made_up_for(workshop):
    job = _at_work(workshop, JobState.STARTING, {"nonce": "n"})
    workshop.scheduler.start()
    workshop.until(job, JobState.DONE)
    notes = [step.note for step in workshop.store.history(job.id)]
    assert "its worker never came" in notes


def test_an_abort_of_a_start_that_never_happened_is_finished(workshop):
    job = _at_work(workshop, JobState.ABORTING, {"nonce": "n"})
    workshop.scheduler.start()
    workshop.until(job, JobState.ABORTED)


def test_a_worker_of_which_only_the_lock_is_known_yet_is_waited_for(workshop, eventually):
    job = _at_work(workshop, JobState.STARTING, {"nonce": "n"})
    task = Task(job_id=job.id, kind=job.kind, type="classification", options={"do": "steps"}, nonce="n")
    write_json(workshop.folder(job) / "task.json", task)
    fake = OWNER.with_name("fake_worker.py")
    worker = subprocess.Popen([sys.executable, str(fake), str(workshop.folder(job)), "n"], start_new_session=True)
    with worker:
        eventually(lambda: is_claimed(workshop.folder(job)))
        workshop.scheduler.start()
        running = workshop.until(job, JobState.RUNNING)
        assert running.started is not None
        eventually(lambda: workshop.store.workers.get(job.id).pid == worker.pid)
        (workshop.folder(job) / "go").touch()
        worker.wait()
    workshop.until(job, JobState.DONE)
    assert len([step for step in workshop.store.history(job.id) if step.after is JobState.STARTING]) == 1


def test_a_stranger_with_the_number_of_a_lost_worker_is_neither_followed_nor_killed(workshop):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as stranger:
        exact = identify(stranger.pid)
        rows = [
            {"nonce": "n", "pid": exact.pid, "start_time": exact.start_time - 1},  # the number came round
            {"nonce": "n", "pid": exact.pid, "start_time": exact.start_time},  # after a reboot, by chance
        ]
        jobs = [_at_work(workshop, JobState.RUNNING, row) for row in rows]
        workshop.scheduler.start()
        for job in jobs:
            assert workshop.until(job, JobState.ERROR).problem.code == "worker_lost"
        assert stranger.poll() is None
        stranger.kill()


def test_a_resource_held_by_an_adopted_job_is_not_given_twice(workshop, start_owner, eventually):
    job = workshop.create("steps", JobKind.MODEL)
    owner = start_owner()
    eventually(lambda: workshop.store.get(job.id).state is JobState.RUNNING)
    _kill(owner)
    second = workshop.create("finish", JobKind.MODEL)
    workshop.scheduler.start()
    eventually(lambda: workshop.store.get(second.id).activity)
    assert workshop.store.get(second.id).state is JobState.WAITING
    (workshop.folder(job) / "go").touch()
    workshop.until(second, JobState.DONE)


@pytest.mark.parametrize("renewed", [True, False])
def test_a_job_is_adopted_with_a_database_made_anew(workshop, start_owner, eventually, renewed):
    """Also where the server was killed before `job.json` told that the job runs."""
    job = workshop.create("steps")
    owner = start_owner()
    eventually(lambda: workshop.store.get(job.id).state is JobState.RUNNING)
    _kill(owner)
    workshop.store.close()
    if not renewed:
        kept = workshop.folder(job) / "job.json"
        record = JobRecord.model_validate_json(kept.read_bytes())
        waiting = record.job.model_copy(update={"state": JobState.WAITING})
        write_json(kept, record.model_copy(update={"job": waiting, "history": record.history[:1]}))
    for left in workshop.home.path.glob("gradus.db*"):
        left.unlink()
    workshop.open()
    workshop.scheduler.start()
    workshop.until(job, JobState.RUNNING)
    eventually(lambda: workshop.store.workers.get(job.id))
    (workshop.folder(job) / "go").touch()
    workshop.until(job, JobState.DONE)


def test_a_scheduler_that_has_been_replaced_stops(workshop, eventually):
    workshop.scheduler.start()
    workshop.store.workers.take_lease("another")
    job = workshop.create()
    eventually(lambda: not workshop.scheduler._thread.is_alive())
    assert workshop.store.get(job.id).state is JobState.WAITING
    assert not is_claimed(workshop.folder(job))


def test_a_worker_notices_that_its_job_was_given_to_another(tmp_path):
    from gradus.jobs.events import EventWriter
    from gradus.jobs.report import EventReport

    task = Task(job_id="x", kind=JobKind.MODEL, type="t", options={}, nonce="one")
    write_json(tmp_path / "task.json", task)
    claim = Claim(tmp_path, "one")
    writer = EventWriter(tmp_path / "events.jsonl")
    report = EventReport(writer, claim.holds)
    write_json(tmp_path / "task.json", task.model_copy(update={"nonce": "two"}))
    from gradus.core.model import Snapshot

    report.snapshot(Snapshot(name="s", epoch=1, step=1, bytes=1))
    assert report.stopping()
    assert report.lost
    writer.close()
    assert EventReader(tmp_path / "events.jsonl").read() == []
    claim._let_go()
