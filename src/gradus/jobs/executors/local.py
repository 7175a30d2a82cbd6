"""Workers on this machine: forked from the warm engine host, or started afresh where that is not there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gradus.core.errors import UnavailableError
from gradus.core.job import JobKind
from gradus.jobs.engine_host import EngineHost
from gradus.jobs.environment import worker_environment
from gradus.jobs.processes import Identity, identify
from gradus.jobs.task import Task
from gradus.jobs.worker_exit import write_exit


class SpawningExecutor:
    """Starts each worker as a program of its own. Slower by the time that its imports take."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-P", "-m", "gradus.jobs.worker")) -> None:
        self._command = tuple(command)
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}

    def ready(self, kind: JobKind) -> bool:
        """Always."""
        return bool(kind)

    def watch(self, wake: Callable[[], None]) -> None:
        """Nothing to tell: the end of a worker is seen when the scheduler looks."""

    def start(self, folder: Path, task: Task) -> Identity:
        """Start a program in a session of its own."""
        environment = worker_environment()
        if task.threads:
            environment["OMP_NUM_THREADS"] = str(task.threads)
        try:
            process = subprocess.Popen(
                [*self._command, str(folder), task.nonce],
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise UnavailableError(f"no worker can be started: {error.strerror}") from error
        identity = identify(process.pid)
        assert identity is not None  # it is our child and not collected, so /proc has it
        self._processes[folder] = process
        return identity

    def collect(self) -> None:
        """Record how those ended that have."""
        for folder, process in list(self._processes.items()):
            if process.poll() is not None:
                del self._processes[folder]
                write_exit(folder, process.pid, process.returncode)


class LocalExecutor:
    """Forks workers from the engine host.

    A dataset does not need torch: while the host warms up it is built by a process started afresh. A
    training waits for the host, which is faster than loading torch a second time, unless the host
    cannot be started at all.
    """

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._spawning = SpawningExecutor()

    def ready(self, kind: JobKind) -> bool:
        """Whether the host is warm, or the job can do without."""
        return self._host.ready or kind is JobKind.DATASET or self._host.hopeless

    def watch(self, wake: Callable[[], None]) -> None:
        """The host tells when it is warm and when a worker ends."""
        self._host.watch(wake)

    def start(self, folder: Path, task: Task) -> Identity:
        """Fork, or start afresh."""
        if self._host.ready:
            return self._host.fork_worker(folder, task.nonce, task.threads)
        return self._spawning.start(folder, task)

    def collect(self) -> None:
        """The host collects its own."""
        self._spawning.collect()
