"""How a worker's process ended, told by whoever collected it: the content of `worker.exit`."""

from __future__ import annotations

import signal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gradus.core.errors import Problem
from gradus.data.files import write_json

EXIT_DONE, EXIT_FAILED = 0, 1
EXIT_STORAGE_FULL = 74  # there was no room even to say so
EXIT_LATE = 75  # the job was given to another worker

_LOG_TAIL = 16 << 10
_LOG_LINES = 5


class WorkerExit(BaseModel):
    """The exit code of a process, or the signal that ended it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    code: int | None = None
    signal: int | None = None


def write_exit(folder: Path, pid: int, code: int) -> None:
    """Record an exit code, or a signal as a negative one. A job's folder that is gone needs no record."""
    ended = WorkerExit(pid=pid, code=code) if code >= 0 else WorkerExit(pid=pid, signal=-code)
    if folder.exists():
        write_json(folder / "worker.exit", ended)


def read_exit(folder: Path, pid: int) -> WorkerExit | None:
    """How the process with this number ended, if it is recorded."""
    try:
        ended = WorkerExit.model_validate_json((folder / "worker.exit").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return ended if ended.pid == pid else None


def explain(folder: Path, ended: WorkerExit | None) -> Problem:
    """What to tell the user of a worker that ended without a last word."""
    if ended is not None and ended.code == EXIT_STORAGE_FULL:
        hint = "make room, then resume the job"
        return Problem(code="storage_full", message="the disk is full", hint=hint)
    if ended is None:
        how = "its process is gone"
    elif ended.signal is None:
        how = f"its process ended with code {ended.code}"
    elif ended.signal == signal.SIGKILL:
        how = "its process was killed (signal SIGKILL): by someone, or by the system for lack of memory"
    else:
        how = f"its process ended by signal {_signal_name(ended.signal)}"
    last = log_tail(folder / "worker.log", _LOG_LINES)
    said = f". Last lines of its log: {last}" if last else ""
    return Problem(code="worker_lost", message=f"the work was cut off: {how}{said}", hint="resume the job")


def log_tail(path: Path, lines: int) -> str:
    """The last lines of a log that are not empty, joined by ` | `."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_TAIL))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
