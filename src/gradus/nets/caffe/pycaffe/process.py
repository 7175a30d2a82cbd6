"""What pycaffe sets for the whole process: the device, the seed, the logging, and its place among solvers."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from gradus.nets.caffe.layers.table import LAYERS
from gradus.nets.caffe.pycaffe.errors import CaffeError
from gradus.nets.caffe.sources.source import Reading

_log = logging.getLogger("caffe")


@dataclass
class Process:
    """Settings of this process."""

    gpu: bool = False  # Caffe starts on the processor
    device_id: int = 0
    seed: int | None = None
    solver_count: int = 1
    solver_rank: int = 0
    multiprocess: bool = False

    def device(self) -> torch.device:
        """Where nets that are made now run: on the processor where there is no GPU, as most scripts ask for one."""
        if not self.gpu:
            return torch.device("cpu")
        kind = torch.accelerator.current_accelerator()
        if kind is None:
            return torch.device("cpu")
        if self.device_id >= torch.accelerator.device_count():
            raise CaffeError(
                f"there is no GPU {self.device_id}", hint=f"There are {torch.accelerator.device_count()}, from 0 on."
            )
        return torch.device(kind.type, self.device_id)

    def share(self, alone: Reading) -> Reading:
        """How one of the solvers reads that train together: in training every `solver_count`-th record."""
        return replace(alone, rank=self.solver_rank, world=self.solver_count)

    def next_seed(self) -> int:
        """The seed of the next net: drawn from what `set_random_seed` gave, else new every time."""
        if self.seed is None:
            return int(np.random.SeedSequence().generate_state(1)[0])
        self.seed = (self.seed + 1) % 2**63
        return self.seed - 1


SETTINGS = Process()


def set_mode_cpu() -> None:
    """Nets that are made from now on run on the processor."""
    SETTINGS.gpu = False


def set_mode_gpu() -> None:
    """Nets that are made from now on run on the GPU."""
    SETTINGS.gpu = True


def set_device(device_id: int) -> None:
    """Which GPU, counted from 0."""
    SETTINGS.device_id = device_id


def set_devices(device_ids: list[int]) -> None:
    """NVIDIA's form of `set_device`; a net runs on one GPU, the first of these."""
    if device_ids:
        SETTINGS.device_id = device_ids[0]


def set_random_seed(seed: int) -> None:
    """Let fillers, dropout and sampling repeat."""
    SETTINGS.seed = int(seed)
    torch.manual_seed(int(seed))


def layer_type_list() -> list[str]:
    """Every layer type that a prototxt may name."""
    return list(LAYERS)


def solver_count() -> int:
    """How many solvers train together."""
    return SETTINGS.solver_count


def set_solver_count(count: int) -> None:
    """Say how many solvers train together."""
    SETTINGS.solver_count = count


def solver_rank() -> int:
    """Which of them this is; 0 is the one that tests and snapshots."""
    return SETTINGS.solver_rank


def set_solver_rank(rank: int) -> None:
    """Say which of them this is."""
    SETTINGS.solver_rank = rank


def set_multiprocess(enabled: bool) -> None:
    """Say that the solvers are processes."""
    SETTINGS.multiprocess = enabled


def init_log(prefix: str = "", to_stderr: bool = True) -> None:
    """Show Caffe's log lines on standard error."""
    if to_stderr and not _log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(f"{prefix}%(message)s"))
        _log.addHandler(handler)
    _log.setLevel(logging.INFO)


def log(message: str) -> None:
    """One line in Caffe's log."""
    _log.info("%s", message)


def has_nccl() -> bool:
    """Whether solvers of several processes can be joined: they cannot."""
    return False


class NCCL:
    """Stands where Caffe has its link between GPUs, and says what to do instead."""

    def __init__(self, *_: object) -> None:
        raise CaffeError("solvers cannot be joined over NCCL", hint="Train on one GPU.")


class Timer:
    """Wall-clock time between `start` and `stop`, with the GPU's work waited for."""

    def __init__(self) -> None:
        self._begin = self._end = 0.0

    @staticmethod
    def _now() -> float:
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        return time.perf_counter()

    def start(self) -> None:
        """Begin."""
        self._begin = self._now()

    def stop(self) -> None:
        """End."""
        self._end = self._now()

    @property
    def ms(self) -> float:
        """Milliseconds between the two."""
        return (self._end - self._begin) * 1000
