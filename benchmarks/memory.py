"""What a server holds in memory while nothing is asked of it."""

from __future__ import annotations

import time

import psutil

from benchmarks.measure import Row
from benchmarks.server import served
from benchmarks.setting import Setting

SETTLE = 8.0  # seconds: the engine host has loaded by then, nothing else is going on
MIB = 2**20


def run(setting: Setting) -> list[Row]:
    with served(setting.work / "home") as server:
        time.sleep(SETTLE)
        process = psutil.Process(server.pid)
        resident = process.memory_info().rss / MIB
        host = sum(child.memory_info().rss for child in process.children(recursive=True)) / MIB
    return [
        Row(
            name="memory", what="idle server, resident memory", unit="MiB", better="less", ours=resident,
            peer=host, peer_name="its engine host, with PyTorch", bar=120.0, bar_kind="figure",
        )
    ]  # fmt: skip
