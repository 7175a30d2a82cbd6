"""A dataset's worker is killed while it builds: no half database is there, and the job built again gives the same."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.event import Started
from gradus.core.state import JobState
from gradus.jobs.events import EventReader

pytestmark = pytest.mark.slow
COUNT = 1200


@pytest.fixture(scope="module")
def asked(server) -> ClassificationOptions:
    random_pixels = np.random.default_rng(5)
    for number in range(COUNT):
        folder = server.folder / "noise" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"{number}.png"), random_pixels.integers(0, 256, (96, 96, 3), np.uint8))
    return ClassificationOptions(
        name="noise", train=str(server.folder / "noise"), width=224, height=224, encoding="png", test_percent=10
    )


def test_f07_a_build_that_is_killed_and_resumed_is_the_same(server, asked, seed):
    """SIGKILL at 8 to 85 percent of the time that it takes, each job twice."""
    chance = random.Random(seed)
    began = time.monotonic()
    whole = server.create("datasets", asked)
    assert server.until_ended(whole.id).state is JobState.DONE
    takes = time.monotonic() - began
    expected = contents(server.home / "jobs" / whole.id)
    assert {"train_db/data.mdb", "val_db/data.mdb", "test_db/data.mdb", "mean.binaryproto"} <= expected.keys()
    killed = 0
    for share in (0.15, 0.5, 0.85):
        job = server.create("datasets", asked)
        folder = server.home / "jobs" / job.id
        for _ in range(2):
            starts = len(started(folder))
            server.until(lambda folder=folder, known=starts: len(started(folder)) > known)
            time.sleep(share * takes * chance.uniform(0.5, 1))
            with suppress(ProcessLookupError):  # it was quicker
                os.kill(started(folder)[-1].pid, signal.SIGKILL)
            ended = server.until_ended(job.id)
            if ended.state is JobState.DONE:
                break
            killed += 1
            assert ended.state is JobState.ERROR, (seed, ended)
            assert "SIGKILL" in ended.problem.message
            assert not (folder / "dataset.json").exists(), seed
            assert all(part(folder, name) in (None, expected[f"{name}/data.mdb"]) for name in ("train_db", "val_db"))
            assert server.rest.get(f"/datasets/{job.id}").json()["facts"] is None
            assert server.rest.post(f"/jobs/{job.id}/resume").is_success
        assert server.until_ended(job.id).state is JobState.DONE, seed
        assert contents(folder) == expected, seed
        assert not list(folder.glob(".building-*"))
        assert server.rest.delete(f"/datasets/{job.id}").is_success
    assert killed > 1, (seed, takes)


def started(folder: Path) -> list[Started]:
    if not (folder / "events.jsonl").exists():
        return []
    return [event for event in EventReader(folder / "events.jsonl").read() if isinstance(event, Started)]


def part(folder: Path, name: str) -> str | None:
    path = folder / name / "data.mdb"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def contents(folder: Path) -> dict[str, str]:
    """Everything that is the dataset, but for the time that it took."""
    own = {"job.json", "task.json", "events.jsonl", "worker.log", "worker.exit", "dataset.json", "lock.mdb"}
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in own and not path.name.startswith(".")
    }
