"""The GPUs of this machine, asked of the driver's management library: no torch, no CUDA context."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

PROBE_SECONDS = 10.0  # a driver in trouble may not answer at all

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gpu:
    """One GPU as CUDA will number it: `device` is what a job is told, `uuid` what the driver calls it."""

    device: str
    name: str
    uuid: str
    memory: int  # bytes


def find_gpus(environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """The GPUs that a job may use, in PCI order, without those that CUDA_VISIBLE_DEVICES hides."""
    found: list[Gpu] = []
    probe = threading.Thread(target=lambda: found.extend(_ask_driver()), daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    if probe.is_alive():
        log.warning("the GPU driver does not answer: going on without GPUs")
        return []
    return visible(found, environment.get("CUDA_VISIBLE_DEVICES"))


def visible(gpus: list[Gpu], choice: str | None) -> list[Gpu]:
    """Those that CUDA would show, numbered anew.

    As CUDA reads it: indices or beginnings of UUIDs, and all that follows an entry that is not valid
    is hidden too (CUDA C++ Programming Guide, "CUDA Environment Variables").
    """
    if choice is None:
        return gpus
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in choice.split(",")):
        if entry.isdecimal():
            matches = gpus[int(entry) : int(entry) + 1]
        else:
            matches = [gpu for gpu in gpus if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
        if len(matches) != 1 or any(gpu.uuid == matches[0].uuid for gpu in chosen):
            break
        gpu = matches[0]
        chosen.append(Gpu(f"cuda:{len(chosen)}", gpu.name, gpu.uuid, gpu.memory))
    return chosen


def _ask_driver() -> list[Gpu]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no driver, or no GPU
        return []
    try:
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
            name, uuid = str(pynvml.nvmlDeviceGetName(handle)), str(pynvml.nvmlDeviceGetUUID(handle))
            found.append(Gpu(f"cuda:{index}", name, uuid, memory))
        return found
    except pynvml.NVMLError as error:
        log.warning("the GPUs cannot be asked: %s", error)
        return []
    finally:
        pynvml.nvmlShutdown()
