"""The benchmarks by name. Each module has `run(setting) -> list[Row]` and says in its first line what it measures."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from benchmarks.measure import Row
from benchmarks.setting import Setting

NAMES = (
    "training", "building", "scanning", "start", "prediction", "home", "memory", "network", "caffemodel",
    "caffe_networks", "caffe_training",
)  # fmt: skip

Benchmark = Callable[[Setting], list[Row]]


def load(name: str) -> Benchmark:
    """The benchmark of that name; imported when it runs, so that none pays for another's imports."""
    module = importlib.import_module(f"benchmarks.{name}")
    benchmark: Benchmark = module.run
    return benchmark
