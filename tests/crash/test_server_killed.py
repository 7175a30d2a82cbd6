"""Nothing acknowledged is lost: the server and its workers are killed at random moments of a training."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from gradus.core.errors import Problem
from gradus.core.event import Finished, Started
from gradus.core.state import ENDED, JobState
from gradus.jobs.events import EventReader

pytestmark = pytest.mark.slow


def test_a_training_does_not_notice_that_its_server_is_killed(server, options, undisturbed, seed):
    """Killed with SIGKILL four times: as it starts, and while it learns. Same weights, same points, one worker."""
    chance = random.Random(seed)
    job = server.create("models", options.model_copy(update={"name": "disturbed"}))
    time.sleep(chance.uniform(0, 0.4))
    for _ in range(4):
        server.kill()
        time.sleep(chance.uniform(0, 0.3))
        server.start()
        server.until(lambda: server.job(job.id).state in {JobState.RUNNING, *ENDED})
        time.sleep(chance.uniform(0, 0.6))
    ended = server.until_ended(job.id)
    assert ended.state is JobState.DONE, (seed, ended)
    assert server.weights(job.id) == server.weights(undisturbed), seed
    assert server.series(job.id, "val/") == server.series(undisturbed, "val/"), seed
    assert server.total_loss(job.id) == pytest.approx(server.total_loss(undisturbed), rel=1e-6), seed
    events = EventReader(server.home / "jobs" / job.id / "events.jsonl").read()
    assert [event.seq for event in events] == list(range(1, len(events) + 1)), seed
    assert sum(isinstance(event, Started) for event in events) == 1, seed
    assert isinstance(events[-1], Finished)


def test_a_training_that_is_killed_and_resumed_learns_the_same(server, options, undisturbed, seed):
    """On the processor the weights are equal to the last bit, wherever it was cut off."""
    chance = random.Random(seed)
    job = server.create("models", options.model_copy(update={"name": "cut off"}))
    folder = server.home / "jobs" / job.id
    for _ in range(2):
        snapshots = set(_snapshots(folder))
        server.until(lambda known=snapshots: set(_snapshots(folder)) - known)
        time.sleep(chance.uniform(0, 0.2))
        os.kill(_worker(folder), signal.SIGKILL)
        killed = time.time()
        lost = server.until_ended(job.id)
        if lost.state is JobState.DONE:
            break
        assert lost.state is JobState.ERROR, (seed, lost)
        assert isinstance(lost.problem, Problem)
        assert "SIGKILL" in lost.problem.message
        assert lost.finished - killed <= 3, seed
        assert server.rest.post(f"/jobs/{job.id}/resume").is_success
    ended = server.until_ended(job.id)
    assert ended.state is JobState.DONE, (seed, ended)
    assert server.weights(job.id) == server.weights(undisturbed), seed
    assert server.series(job.id, "val/") == server.series(undisturbed, "val/"), seed


def test_what_was_acknowledged_is_there_after_the_server_was_killed(server, options, seed):
    """Creates, renames and deletes at random, and the server killed in between."""
    chance = random.Random(seed)
    there: dict[str, str] = {}
    gone: set[str] = set()
    for _ in range(3):
        for step in range(chance.randrange(4, 12)):
            choice = chance.choice(["create", "create", "rename", "delete"])
            if choice == "create" or not there:
                name = f"{choice} {step}"
                waiting = options.model_copy(update={"name": name, "device": "cpu", "epochs": 10**6})
                there[server.create("models", waiting).id] = name
                continue
            job_id = chance.choice(sorted(there))
            if choice == "rename":
                assert server.rest.patch(f"/jobs/{job_id}", json={"name": f"renamed {step}"}).is_success
                there[job_id] = f"renamed {step}"
            else:
                if server.job(job_id).state not in ENDED:
                    assert server.rest.post(f"/jobs/{job_id}/abort").is_success
                    server.until_ended(job_id)
                assert server.rest.delete(f"/jobs/{job_id}").is_success
                del there[job_id]
                gone.add(job_id)
        server.kill()
        server.start()
        assert {job_id: server.job(job_id).name for job_id in there} == there, seed
        assert {server.rest.get(f"/jobs/{job_id}").status_code for job_id in gone} <= {404}, seed
        assert not gone & {folder.name for folder in (server.home / "jobs").iterdir()}, seed
    for job_id in there:
        if server.job(job_id).state not in ENDED:
            assert server.rest.post(f"/jobs/{job_id}/abort").is_success
    for job_id in there:
        server.until_ended(job_id)


def _snapshots(folder) -> list[str]:
    try:
        return [entry.name for entry in (folder / "snapshots").iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []


def _worker(folder) -> int:
    events = EventReader(folder / "events.jsonl").read()
    return [event for event in events if isinstance(event, Started)][-1].pid
