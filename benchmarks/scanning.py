"""A million small files in one folder: how long until they are found, in how much memory, and how soon it stops.

Measured in a process of its own, from the start of a build until its first records are written: the files are
found, sorted, divided, listed and shuffled by then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.measure import Row
from benchmarks.setting import Setting
from gradus.data.encode import encode_jpeg

COUNT = 1_000_000
LINKS = 20_000  # to one file; file systems allow 32,000 and more
SIDE = 32

CHILD = """
import json, resource, sys, time
from pathlib import Path
from benchmarks.quiet import Quiet
from gradus.core.classification import ClassificationOptions
from gradus.data.build import build_classification
from gradus.data.building import Stopped

class Watch(Quiet):
    began = looked = time.perf_counter()
    first, longest, building = 0.0, 0.0, False

    def progress(self, fraction, activity, rate=None):
        self.first = self.first or time.perf_counter() - self.began
        self.building = self.building or activity.startswith("building")

    def stopping(self):
        now = time.perf_counter()
        self.longest, self.looked = max(self.longest, now - self.looked), now
        return self.building

watch = Watch()
options = ClassificationOptions(name="files", train=sys.argv[1], width=32, height=32)
try:
    build_classification(options, Path(sys.argv[2]), watch)
except Stopped:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([time.perf_counter() - watch.began, watch.first, watch.longest, peak]))
"""


def run(setting: Setting) -> list[Row]:
    folder = _write(setting.work / "files")
    command = [sys.executable, "-c", CHILD, str(folder), str(setting.work / "out")]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    whole, first, longest, peak = json.loads(done.stdout)

    def row(name: str, what: str, unit: str, ours: float, bar: float) -> Row:
        what = f"{what} of {COUNT:,} files"
        return Row(name=name, what=what, unit=unit, better="less", ours=ours, bar=bar, bar_kind="figure")

    return [
        row("scanning", "finding, dividing and listing", "s", whole, 60.0),
        row("scanning_memory", "peak memory of that,", "MiB", peak, 500.0),
        row("scanning_first", "until the first progress is told,", "s", first, 2.0),
        row("scanning_stop", "longest until a stop is heeded,", "s", longest, 2.0),
    ]


def _write(folder: Path) -> Path:
    """Two classes, one with a few files and one with all others: hard links, so that the disk holds few."""
    data = encode_jpeg(np.full((SIDE, SIDE, 3), 128, np.uint8), 90)
    for name, count in (("few", 100), ("many", COUNT - 100)):
        (folder / name).mkdir(parents=True)
        first = ""
        for index in range(count):
            path = f"{folder}/{name}/picture_{index:07d}.jpg"
            if index % LINKS == 0:
                Path(path).write_bytes(data)
                first = path
            else:
                os.link(first, path)
    return folder
