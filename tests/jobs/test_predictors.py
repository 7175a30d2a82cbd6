"""Warm models: batches, the least recently used, and processes that die."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gradus.core.errors import ConflictError, Problem, UnavailableError
from gradus.jobs.engine_host import EngineHost
from gradus.jobs.predictors import Predictors

FAKE_HOST = Path(__file__).with_name("fake_host.py")


@pytest.fixture(scope="module")
def host():
    made = EngineHost((sys.executable, "-P", str(FAKE_HOST)))
    made.start()
    assert made.wait(30)
    yield made
    made.close()


@pytest.fixture
def predictors(host):
    made = Predictors(host, limit=2)
    yield made
    made.close()


def _process(result) -> int:
    return int(result.snapshot.split()[0])


def test_bytes_and_paths_are_answered_in_order_and_a_bad_picture_alone_fails(predictors, tmp_path):
    (tmp_path / "picture").write_bytes(b"x" * 7)
    results = predictors.predict(tmp_path / "m", None, [b"abc", tmp_path / "picture", b"", b"y" * 300_000], 3)
    assert [result.classes[0].label for result in (results[0], results[1], results[3])] == ["3", "7", "300000"]
    assert results[2] == Problem(code="image_error", message="empty")
    assert [len(result.classes) for result in (results[0], results[3])] == [3, 3]


def test_requests_at_the_same_time_share_a_batch_and_each_gets_its_own(predictors, tmp_path):
    predictors.predict(tmp_path / "m", None, [b"warm"], 1)
    start = threading.Barrier(12)

    def ask(number: int):
        start.wait()
        return predictors.predict(tmp_path / "m", None, [b"x" * number], number % 3 + 1)[0]

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(ask, range(1, 13)))
    assert [result.classes[0].label for result in results] == [str(number) for number in range(1, 13)]
    assert [len(result.classes) for result in results] == [number % 3 + 1 for number in range(1, 13)]
    assert max(result.milliseconds for result in results) > 1
    assert len({_process(result) for result in results}) == 1


def test_the_least_recently_used_model_goes_first(predictors, tmp_path):
    a, b, c = (tmp_path / name for name in "abc")
    first = _process(predictors.predict(a, None, [b"x"], 1)[0])
    predictors.predict(b, None, [b"x"], 1)
    assert _process(predictors.predict(a, None, [b"x"], 1)[0]) == first
    predictors.predict(c, None, [b"x"], 1)
    assert {folder for folder, _ in predictors.loaded()} == {a, c}
    assert _process(predictors.predict(a, None, [b"x"], 1)[0]) == first


def test_snapshots_of_one_model_are_models_of_their_own(predictors, tmp_path):
    named = predictors.predict(tmp_path / "m", "epoch-1", [b"x"], 1)[0]
    newest = predictors.predict(tmp_path / "m", None, [b"x"], 1)[0]
    assert named.snapshot.endswith("epoch-1")
    assert newest.snapshot.endswith("newest")


def test_a_process_that_is_killed_is_started_again(predictors, tmp_path):
    first = _process(predictors.predict(tmp_path / "m", None, [b"x"], 1)[0])
    os.kill(first, signal.SIGKILL)
    try:
        result = predictors.predict(tmp_path / "m", None, [b"x"], 1)[0]
    except UnavailableError:
        result = predictors.predict(tmp_path / "m", None, [b"x"], 1)[0]
    assert _process(result) != first


@pytest.mark.parametrize("name", ["mortal", "fatal"])
def test_a_model_whose_process_dies_again_and_again_is_given_up(predictors, tmp_path, name):
    for _ in range(3):
        with pytest.raises(UnavailableError, match="has ended"):
            predictors.predict(tmp_path / name, None, [b"x"], 1)
    with pytest.raises(UnavailableError, match="3 times in a row"):
        predictors.predict(tmp_path / name, None, [b"x"], 1)
    assert predictors.predict(tmp_path / "other", None, [b"x"], 1)


def test_a_model_that_cannot_be_loaded_says_why(predictors, tmp_path):
    for _ in range(5):  # which is no crash
        with pytest.raises(ConflictError, match="cannot be used"):
            predictors.predict(tmp_path / "broken", None, [b"x"], 1)


def test_a_model_nobody_asks_any_more_is_let_go(host, tmp_path):
    predictors = Predictors(host, idle_seconds=0.05)
    first = _process(predictors.predict(tmp_path / "m", None, [b"x"], 1)[0])
    while predictors.loaded():
        threading.Event().wait(0.02)
    assert _process(predictors.predict(tmp_path / "m", None, [b"x"], 1)[0]) != first
    predictors.close()
