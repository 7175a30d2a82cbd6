"""From the request that creates a model to its first training iteration, with a warm host."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Row, in_turns
from benchmarks.server import Served, served
from benchmarks.setting import Setting
from gradus.core.classification import ClassificationOptions
from gradus.core.event import Metrics
from gradus.core.model import TrainingOptions

TIMES = 3  # models in each round; the quickest start of a fresh process is compared with their median


def run(setting: Setting) -> list[Row]:
    arrays = setting.work / "digits.npz"
    images, labels = setting.digits.all
    import numpy as np

    np.savez(arrays, images=images, labels=labels)
    with served(setting.work / "home") as server:
        dataset = _dataset(server, setting.digits.write_folder())
        _first_iteration(server, dataset)  # the host may still have been loading
        figures = in_turns(
            {"ours": lambda: _first_iteration(server, dataset), "fresh": lambda: _fresh_process(arrays)},
            setting.rounds * TIMES,
        )
    return [
        Row(
            name="start", what="from create to the first training iteration", unit="s", better="less",
            ours=figures["ours"].median, peer=figures["fresh"].median, peer_name="a fresh Python process", bar=0.3,
            bar_kind="figure", spread=figures["ours"].spread,
        )
    ]  # fmt: skip


def _dataset(server: Served, folder: Path) -> str:
    options = ClassificationOptions(name="digits", train=str(folder), channels=1, width=28, height=28)
    job = server.client.datasets.create(options)
    server.client.jobs.wait(job.id)
    return job.id


def _first_iteration(server: Served, dataset: str) -> float:
    """Seconds until the event that the worker wrote after its first iteration."""
    options = TrainingOptions(name="start", dataset=dataset, epochs=1, validation_interval=0, seed=1)
    asked = time.time()
    job = server.client.models.create(options)
    for event in server.client.jobs.follow(job.id):
        if isinstance(event, Metrics):
            server.client.jobs.abort(job.id)
            server.client.jobs.wait(job.id)
            return event.time - asked
    raise AssertionError(server.client.jobs.get(job.id).job.problem)


def _fresh_process(arrays: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "benchmarks.peers.fresh_process", str(arrays)], check=True)
    return time.perf_counter() - start
