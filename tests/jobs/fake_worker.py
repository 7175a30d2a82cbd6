"""A worker with tasks made for tests: run as a program by the scheduler under test, like the real one."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gradus.core.errors import InputError
from gradus.core.job import JobKind
from gradus.data.building import Stopped
from gradus.jobs import worker


def run(task, folder: Path, report) -> None:
    behaviours[str(task.options.get("do", "finish"))](task, folder, report)


def _finish(task, folder, report) -> None:
    report.progress(0.5, "half way")


def _steps(task, folder, report) -> None:
    """Metric points at a steady pace, until a file named `go` is there or it is told to stop."""
    step = 0
    while not (folder / "go").exists():
        step += 1
        report.metrics(step, step / 10, {"train/loss": 1 / step})
        report.progress(0.25, f"step {step}")
        if report.stopping():
            raise Stopped
        time.sleep(0.005)


def _fail(task, folder, report) -> None:
    raise InputError("the pictures are of wax", field="train", hint="use others")


def _crash(task, folder, report) -> None:
    sys.stderr.write("something odd\n")
    raise ZeroDivisionError("a secret path /etc/x")


def _full(task, folder, report) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "train_db")


def _memory(task, folder, report) -> None:
    raise MemoryError


def _die(task, folder, report) -> None:
    sys.stderr.write("about to go\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _stubborn(task, folder, report) -> None:
    """Ignores TERM, and leaves a grandchild in a session of its own and one in the same."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", sleeper])
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pause()
        os._exit(0)
    os.wait()
    (folder / "ready").touch()
    while True:
        time.sleep(60)


def _environment(task, folder, report) -> None:
    (folder / "environment").write_text("\n".join(os.environ))


behaviours = {
    "finish": _finish, "steps": _steps, "fail": _fail, "crash": _crash, "full": _full, "memory": _memory,
    "die": _die, "stubborn": _stubborn, "environment": _environment,
}  # fmt: skip

if __name__ == "__main__":
    sys.modules["fake_worker"] = sys.modules["__main__"]
    table = {(kind, "classification"): "fake_worker:run" for kind in JobKind}
    sys.exit(worker.main(sys.argv[1:], table))
