"""The claim of one worker on one job: a lock in its folder and the nonce in its task."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pydantic import ValidationError

from gradus.data.files import write_json
from gradus.jobs.task import Task


class LateError(Exception):
    """Another worker has the job, or it was given to another start: this one must leave it alone."""


class Claim:
    """Held while a worker lives; the kernel frees it at its death, however that comes.

    It makes sure that a job is never worked on twice: a worker that was asked for before a crash of the
    server and starts only after it finds another nonce in the task.
    """

    def __init__(self, folder: Path, nonce: str) -> None:
        self._folder, self._nonce = folder, nonce
        self._lock = -1
        try:
            self._lock = _open(folder)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError) as error:
            self._let_go()
            raise LateError from error
        if not self.holds():
            self._let_go()
            raise LateError
        os.register_at_fork(after_in_child=self._let_go)  # what the worker starts must not keep the lock

    def holds(self) -> bool:
        """Whether the job is still there and still given to this start."""
        task = read_task(self._folder)
        return task is not None and task.nonce == self._nonce

    def _let_go(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def is_claimed(folder: Path) -> bool:
    """Whether a worker lives that holds the job."""
    return (folder / "worker.lock").exists() and not _with_lock(folder, None)


def revoke(folder: Path) -> bool:
    """Take the job from a start of which nothing was heard; False if its worker already holds it."""
    task = read_task(folder)
    return _with_lock(folder, task.model_copy(update={"nonce": ""}) if task else None)


def read_task(folder: Path) -> Task | None:
    """The task in a folder, None if there is none."""
    try:
        return Task.model_validate_json((folder / "task.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _with_lock(folder: Path, task: Task | None) -> bool:
    try:
        lock = _open(folder)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if task is not None:
            write_json(folder / "task.json", task)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _open(folder: Path) -> int:
    return os.open(folder / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
