"""A process that hosts the work for others may go away: whoever watches takes over, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

NETWORK = """
name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 8 } }
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" exclude { stage: "deploy" } }
layer { name: "softmax" type: "Softmax" bottom: "score" top: "softmax" include { stage: "deploy" } }
"""


@pytest.fixture(scope="module")
def dataset(gradus: Run, pictures: Path) -> str:
    built = gradus(
        "dataset", "create", "classification", "--name", "two", "--train", pictures, "--width", 12, "--height", 12,
        "--channels", 1,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


def model_at_work(gradus: Run, start: Start, home: Path, tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
    """A command that hosts a training which nobody will wait for, and the model's id once it runs."""
    network = tmp_path / "small.prototxt"
    network.write_text(NETWORK)
    command = start(
        "train", "two", "--network", network, "--epochs", 100_000, "--learning-rate", "1e-6", "--seed", 1,
        "--snapshot-interval", 0, "--validation-interval", 0,
    )  # fmt: skip
    for _ in range(200):
        jobs = json.loads(gradus("jobs", "list", "--kind", "model", "--state", "running", "--json").stdout)
        if jobs:
            return command, jobs[0]["id"]
        if command.poll() is not None:
            break
        time.sleep(0.1)
    command.kill()
    raise AssertionError(command.communicate(timeout=10))


def test_a_killed_host_is_replaced_by_whoever_follows(
    gradus: Run, start: Start, dataset: str, home: Path, tmp_path: Path
) -> None:
    host, model = model_at_work(gradus, start, home, tmp_path)
    follower = start("jobs", "follow", model, "--json")
    time.sleep(2)
    host.send_signal(signal.SIGKILL)
    host.wait(10)  # its pipes may live on in what it has started
    holder = None
    for _ in range(300):
        if (home / "server.json").exists():
            holder = json.loads((home / "server.json").read_text())
            if holder["pid"] == follower.pid and holder["url"]:
                break
        time.sleep(0.1)
    assert holder is not None
    assert holder["pid"] == follower.pid
    assert gradus("jobs", "abort", model).returncode == 0
    said, errors = follower.communicate(timeout=60)
    assert follower.returncode == 1  # an aborted job is not a done one
    assert json.loads(said)["state"] == "aborted", errors
    numbers = [json.loads(line)["seq"] for line in (home / "jobs" / model / "events.jsonl").read_text().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_interrupted_training_is_stopped_and_can_go_on(
    gradus: Run, start: Start, dataset: str, home: Path, tmp_path: Path
) -> None:
    command, model = model_at_work(gradus, start, home, tmp_path)
    command.send_signal(signal.SIGINT)
    _, errors = command.communicate(timeout=60)
    assert command.returncode == 130
    assert f"gradus jobs resume {model}" in errors
    shown = json.loads(gradus("jobs", "show", model, "--json").stdout)
    assert shown["job"]["state"] == "aborted"
    started = [json.loads(line) for line in (home / "jobs" / model / "events.jsonl").read_text().splitlines()]
    with pytest.raises(ProcessLookupError):
        os.kill(next(event["pid"] for event in started if event["type"] == "started"), 0)
