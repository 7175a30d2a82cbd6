"""Jobs from queue to end, with workers that are processes."""

from __future__ import annotations

import os
import signal

import pytest

from gradus.core.errors import ConflictError
from gradus.core.event import Finished, Metrics
from gradus.core.job import JobKind
from gradus.core.state import JobState
from gradus.jobs.claim import read_task
from gradus.jobs.events import EventReader
from gradus.jobs.processes import Identity, is_alive


def test_a_job_goes_from_waiting_to_done(workshop):
    workshop.scheduler.start()
    job = workshop.create()
    done = workshop.until(job, JobState.DONE)
    states = [step.after for step in workshop.store.history(job.id)]
    assert states == [JobState.WAITING, JobState.STARTING, JobState.RUNNING, JobState.DONE]
    assert done.progress == 1.0
    assert done.device == "cpu"
    assert done.created <= done.started <= done.finished


def test_a_model_waits_for_its_dataset_and_then_starts(workshop):
    workshop.scheduler.start()
    dataset = workshop.create("steps")
    model = workshop.create("finish", JobKind.MODEL, dataset)
    workshop.until(dataset, JobState.RUNNING)
    assert workshop.store.get(model.id).state is JobState.WAITING
    assert workshop.store.get(model.id).activity == "waits for the dataset 'steps'"
    (workshop.folder(dataset) / "go").touch()
    workshop.until(model, JobState.DONE)
    gap = workshop.store.get(model.id).started - workshop.store.get(dataset.id).finished
    assert 0 <= gap < 1


@pytest.mark.parametrize("do", ["fail", "steps"])
def test_a_model_of_a_dataset_that_fails_or_is_aborted_ends_likewise(workshop, do):
    workshop.scheduler.start()
    dataset = workshop.create(do)
    model = workshop.create("finish", JobKind.MODEL, dataset)
    if do == "steps":
        workshop.until(dataset, JobState.RUNNING)
        workshop.scheduler.abort(dataset.id)
    ended = workshop.until(model, JobState.ERROR, JobState.ABORTED)
    assert ended.state is workshop.store.get(dataset.id).state
    assert f"the dataset '{do}'" in ended.problem.message
    assert "resume" in ended.problem.hint


@pytest.mark.parametrize(
    ("do", "code", "words"),
    [
        ("fail", "invalid_input", "of wax"),
        ("crash", "internal_error", "unexpected error (ZeroDivisionError)"),
        ("full", "storage_full", "disk is full"),
        ("memory", "out_of_memory", "too little memory"),
        ("die", "worker_lost", "SIGKILL"),
    ],
)
def test_every_failure_is_told_in_a_sentence(workshop, do, code, words):
    workshop.scheduler.start()
    problem = workshop.until(workshop.create(do), JobState.ERROR).problem
    assert problem.code == code
    assert words in problem.message
    assert "Traceback" not in problem.message
    assert "secret" not in problem.message


def test_the_last_lines_of_the_log_are_told_of_a_worker_that_died(workshop):
    workshop.scheduler.start()
    assert "about to go" in workshop.until(workshop.create("die"), JobState.ERROR).problem.message


def test_a_worker_killed_from_outside_is_seen_dead_within_three_seconds(workshop):
    workshop.scheduler.start()
    job = workshop.create("steps")
    workshop.until(job, JobState.RUNNING)
    os.kill(workshop.store.workers.get(job.id).pid, signal.SIGKILL)
    killed = workshop.store.get(job.id)
    ended = workshop.until(job, JobState.ERROR)
    assert "SIGKILL" in ended.problem.message
    assert ended.finished - killed.started < 60
    assert workshop.store.workers.get(job.id) is None


def test_abort_of_a_willing_worker(workshop):
    workshop.scheduler.start()
    job = workshop.create("steps")
    workshop.until(job, JobState.RUNNING)
    worker = workshop.store.workers.get(job.id)
    assert workshop.scheduler.abort(job.id).state is JobState.ABORTING
    workshop.until(job, JobState.ABORTED)
    assert not is_alive(Identity(worker.pid, worker.start_time))
    with pytest.raises(ConflictError):
        workshop.scheduler.abort(job.id)


def test_abort_of_a_waiting_job_needs_no_worker(workshop):
    job = workshop.create()
    assert workshop.scheduler.abort(job.id).state is JobState.ABORTED


def test_abort_ends_a_worker_that_ignores_term_with_all_its_grandchildren(workshop, processes_of, eventually):
    workshop.scheduler.start()
    job = workshop.create("stubborn")
    workshop.until(job, JobState.RUNNING)
    eventually(lambda: (workshop.folder(job) / "ready").exists())
    before = processes_of(workshop, job)
    assert len(before) == 3
    asked = workshop.scheduler.abort(job.id)
    ended = workshop.until(job, JobState.ABORTED)
    assert not [identity for identity in before if is_alive(identity)]
    aborting = next(step for step in workshop.store.history(job.id) if step.after is JobState.ABORTING)
    assert asked.state is JobState.ABORTING
    assert ended.finished - aborting.at <= 10


def test_every_point_is_published_once_and_in_order(workshop, eventually):
    published = []
    workshop.scheduler.subscribe(lambda _, message: published.append(message))
    workshop.scheduler.start()
    job = workshop.create("steps")
    workshop.until(job, JobState.RUNNING)
    eventually(lambda: len(EventReader(workshop.folder(job) / "events.jsonl").read()) > 50)
    (workshop.folder(job) / "go").touch()
    workshop.until(job, JobState.DONE)
    steps = [message.step for message in published if isinstance(message, Metrics)]
    events = EventReader(workshop.folder(job) / "events.jsonl").read()
    assert steps == [event.step for event in events if isinstance(event, Metrics)]
    assert steps == list(range(1, len(steps) + 1))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[-1], Finished)


def test_a_resumed_job_is_told_so_and_numbers_its_events_on(workshop):
    workshop.scheduler.start()
    job = workshop.create("fail")
    workshop.until(job, JobState.ERROR)
    resumed = workshop.store.resume(job.id)
    assert resumed.problem is None
    workshop.until(job, JobState.ERROR)
    assert read_task(workshop.folder(job)).resume
    events = EventReader(workshop.folder(job) / "events.jsonl").read()
    assert [event.seq for event in events] == [1, 2, 3, 4]


def test_trainings_on_the_processor_take_turns(workshop):
    workshop.scheduler.start()
    first, second = workshop.create("steps", JobKind.MODEL), workshop.create("finish", JobKind.MODEL)
    workshop.until(first, JobState.RUNNING)
    assert workshop.store.get(second.id).activity == "waits until another training on the processor ends"
    small = workshop.create("finish")  # a later job for which there is room passes
    workshop.until(small, JobState.DONE)
    assert workshop.store.get(second.id).state is JobState.WAITING
    (workshop.folder(first) / "go").touch()
    workshop.until(second, JobState.DONE)


def test_a_gpu_that_is_not_here_is_an_error_with_a_sentence(workshop, record_of):
    workshop.scheduler.start()
    job = workshop.store.create(record_of("m", JobKind.MODEL, device="cuda:7"))
    problem = workshop.until(job, JobState.ERROR).problem
    assert problem.field == "device"
    assert "cuda:7" in problem.message


def test_workers_see_no_secret_of_the_environment(workshop, monkeypatch):
    for name in ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "GRADUS_TOKEN", "DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    workshop.scheduler.start()
    job = workshop.create("environment")
    workshop.until(job, JobState.DONE)
    seen = (workshop.folder(job) / "environment").read_text().split("\n")
    assert not {"AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "GRADUS_TOKEN", "DATABASE_URL"} & set(seen)
    assert {"OMP_NUM_THREADS", "PATH"} <= set(seen)
