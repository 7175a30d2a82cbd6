"""What jobs need to run, and who has it: a small table of pools."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gradus.core.errors import InputError, UnavailableError
from gradus.core.job import JobKind
from gradus.jobs.gpus import Gpu, find_gpus

PARSING, BUILDING, INFERENCE, CPU = "parsing", "building", "inference", "cpu"
CORES_PER_TRAINING = 8  # on the processor; a smaller machine trains one model at a time


@dataclass(frozen=True)
class Grant:
    """What one job holds. `threads` is how many its computations may use, 0 for all cores."""

    pool: str  # one of the names above, or a GPU's: "cuda:0"
    device: str
    threads: int = 0


class Resources:
    """The pools: one slot for each GPU, and numbers of slots for what the processor does.

    Folders are parsed one at a time, as the disk is the limit; databases built and pictures classified
    by at most four, as DIGITS did, and no more than there are cores.
    """

    def __init__(self, gpus: Sequence[Gpu] = (), cores: int | None = None) -> None:
        self.gpus = tuple(gpus)
        cores = cores or len(os.sched_getaffinity(0))
        trainings = max(1, cores // CORES_PER_TRAINING)
        self._threads = cores // trainings if trainings > 1 else 0
        self._total = {PARSING: 1, BUILDING: min(4, cores), INFERENCE: 4, CPU: trainings}
        self._total |= {gpu.device: 1 for gpu in self.gpus}
        self._used = dict.fromkeys(self._total, 0)
        self._changed = threading.Condition()

    @classmethod
    def detect(cls) -> Resources:
        """Those of this machine."""
        return cls(find_gpus())

    def check(self, wish: str) -> None:
        """Raise if a device is asked for that is not here."""
        if wish.startswith("cuda:") and wish not in self._total:
            there = ", ".join(gpu.device for gpu in self.gpus)
            message = f"there is no GPU {wish}: this machine has {there or 'none'}"
            raise InputError(message, field="device", hint="choose `auto`, or one that is here")

    def give(self, kind: JobKind, wish: str) -> Grant | None:
        """A slot for a job, or None if it must wait. `auto` is the next free GPU, or the processor without any."""
        if kind is JobKind.DATASET:
            return self._take([Grant(BUILDING, "cpu")])
        self.check(wish)
        if wish == "cpu" or not self.gpus:
            return self._take([Grant(CPU, "cpu", self._threads)])
        devices = [gpu.device for gpu in self.gpus] if wish in ("", "auto") else [wish]
        return self._take([Grant(device, device) for device in devices])

    def restore(self, kind: JobKind, device: str) -> Grant:
        """The slot that a running job of an earlier server holds, even where that is one too many."""
        pool = BUILDING if kind is JobKind.DATASET else CPU if device in ("", "cpu") else device
        with self._changed:
            self._used[pool] = self._used.get(pool, 0) + 1
        return Grant(pool, device or "cpu")

    def take_back(self, grant: Grant) -> None:
        """Free a slot."""
        with self._changed:
            self._used[grant.pool] -= 1
            self._changed.notify_all()

    @contextmanager
    def slot(self, pool: str, timeout: float = 30.0) -> Iterator[None]:
        """Hold a slot of a pool for a short piece of work in this process; wait for it at most `timeout` s."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._used[pool] < self._total[pool], timeout):
                raise UnavailableError("too many others are at it", hint="try again in some seconds")
            self._used[pool] += 1
        try:
            yield
        finally:
            self.take_back(Grant(pool, "cpu"))

    def usage(self) -> dict[str, tuple[int, int]]:
        """How many slots of each pool are used, and of how many."""
        with self._changed:
            return {pool: (self._used[pool], total) for pool, total in self._total.items()}

    def _take(self, offers: Sequence[Grant]) -> Grant | None:
        with self._changed:
            for grant in offers:
                if self._used[grant.pool] < self._total[grant.pool]:
                    self._used[grant.pool] += 1
                    return grant
        return None
