"""Commands as a shell runs them, and a few pictures to run them on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "gradus.cli.main"]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("GRADUS_", "FORCE_COLOR"))}
QUIET = {"COLUMNS": "200", "NO_COLOR": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for a module: what one test has made another looks at."""
    return tmp_path_factory.mktemp("cli") / "home"


@pytest.fixture(scope="module")
def gradus(home: Path) -> Run:
    """Run a command on the home and return what came of it."""

    def run(*arguments: object, home: Path = home, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True, text=True, input=stdin, timeout=120, env={**CLEAN, **QUIET, "GRADUS_HOME": str(home)},
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def start(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command and leave it running; whatever still runs at the end is ended."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, home: Path = home) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**CLEAN, **QUIET, "GRADUS_HOME": str(home)},
        )  # fmt: skip
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that nobody could confuse: dark and bright, twenty small pictures each."""
    folder = tmp_path_factory.mktemp("pictures") / "two"
    random = np.random.default_rng(1)
    for name, level in (("bright", 215), ("dark", 40)):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            picture = random.integers(level - 25, level + 25, (12, 12)).astype(np.uint8)
            cv2.imwrite(str(folder / name / f"{number:02d}.png"), picture)
    return folder
