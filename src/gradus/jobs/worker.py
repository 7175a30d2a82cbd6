"""A worker: one process that does one task and tells of it.

It leads a session of its own, outlives the server, and says in `events.jsonl` how it ended. Whatever it
or what it calls prints is in `worker.log`. Started by the engine host, or as
`python -m gradus.jobs.worker FOLDER NONCE` where forking is not possible.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from gradus.core.errors import GradusError, MemoryLimitError, Problem, StorageFullError
from gradus.core.event import Finished, Started
from gradus.data.building import Stopped
from gradus.jobs.claim import Claim, LateError, read_task
from gradus.jobs.events import EventWriter
from gradus.jobs.processes import NONCE_VARIABLE, identify
from gradus.jobs.report import EventReport
from gradus.jobs.task import TASKS, Task, Tasks, find
from gradus.jobs.worker_exit import EXIT_DONE, EXIT_FAILED, EXIT_LATE, EXIT_STORAGE_FULL
from gradus.jobs.worker_log import LogKeeper

OOM_SCORE = 500  # under memory pressure the kernel ends a worker, not the server
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)

log = logging.getLogger(__name__)


def run(folder: Path, nonce: str, tasks: Tasks = TASKS) -> int:
    """Do the task in `folder`; return the exit code. Call it in a process made for it."""
    keeper = LogKeeper(folder / "worker.log")
    _settle(nonce)
    try:
        claim = Claim(folder, nonce)
    except LateError:
        return EXIT_LATE
    task = read_task(folder)
    identity = identify(os.getpid())
    assert task is not None and identity is not None  # the claim has read the task; /proc has every process
    try:
        writer = EventWriter(folder / "events.jsonl")
        report = EventReport(writer, claim.holds)
        signal.signal(signal.SIGTERM, lambda *_: report.stop())
        writer.write(Started(pid=identity.pid, start_time=identity.start_time, nonce=nonce, device=task.device))
        finished = _outcome(task, folder, report, tasks)
        if report.lost:
            return EXIT_LATE
        writer.write(finished)
        writer.close()
    except StorageFullError:
        _log_traceback()
        return EXIT_STORAGE_FULL
    finally:
        keeper.close()
    return EXIT_FAILED if finished.outcome == "error" else EXIT_DONE


def _outcome(task: Task, folder: Path, report: EventReport, tasks: Tasks) -> Finished:
    """Do the task; whatever it raises becomes what the user is told."""
    try:
        find(task, tasks)(task, folder, report)
    except Stopped:
        return Finished(outcome="aborted")
    except GradusError as error:
        _log_traceback()
        return Finished(outcome="error", problem=error.problem)
    except Exception as error:  # the boundary: a worker never ends without saying why
        _log_traceback()
        return Finished(outcome="error", problem=_explain(error, folder))
    return Finished(outcome="done")


def _log_traceback() -> None:
    with contextlib.suppress(OSError):  # the disk that is full is the one with the log
        traceback.print_exc()


def _explain(error: Exception, folder: Path) -> Problem:
    if isinstance(error, MemoryError):
        hint = "use a smaller batch size or smaller pictures, or end other programs"
        return MemoryLimitError("the machine has too little memory for this", hint=hint).problem
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError("the disk is full", file=error.filename, hint="make room, then resume the job").problem
    kind = type(error).__name__
    return Problem(
        code="internal_error",
        message=f"unexpected error ({kind}); the log has the details",
        hint=f"see the end of {folder.name}/worker.log",
    )


def _settle(nonce: str) -> None:
    """Make the process a good neighbour: findable by its nonce, first to go without memory, no core files."""
    os.environ[NONCE_VARIABLE] = nonce
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    with contextlib.suppress(OSError, AttributeError):  # so that no grandchild gets lost: see processes.family
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main(arguments: list[str], tasks: Tasks = TASKS) -> int:
    """Run as a program of its own."""
    folder, nonce = Path(arguments[0]), arguments[1]
    return run(folder, nonce, tasks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
