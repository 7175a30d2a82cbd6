"""What can be trained on, and how busy the machine is. The GPUs are asked through NVML: no torch, no context."""

from __future__ import annotations

import os
import platform
import threading
import time
from functools import cache
from pathlib import Path

import psutil

from gradus import __version__
from gradus.core.state import ACTIVE
from gradus.core.view.system import Device, Machine, SystemView
from gradus.jobs.gpus import Gpu, find_gpus
from gradus.services import jobs
from gradus.services.house import House

FRESH_SECONDS = 1.0  # asked more often, the last answer is given again
_lock = threading.Lock()


def devices(house: House) -> list[Device]:
    """The processor and the GPUs that a job may use, with what each is doing now."""
    working = {job.device: job.id for job in house.store.in_states(ACTIVE) if job.device}
    found = [processor(), *(_measured(gpu) for gpu in house.resources.gpus)]
    return [device.model_copy(update={"job_id": working.get(device.id)}) for device in found]


def gpus() -> list[Device]:
    """The GPUs of this machine, for whoever asks without a house."""
    return [_measured(gpu) for gpu in find_gpus()]


def processor() -> Device:
    """The processor as something to train on; its memory is the machine's."""
    memory = psutil.virtual_memory()
    return Device(
        id="cpu", name=_processor_name(), memory_total=memory.total, memory_used=memory.total - memory.available,
        utilisation=_load(),
    )  # fmt: skip


def machine(house: House) -> Machine:
    """The computer the server runs on, and the disk of its home folder."""
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(house.home.path))
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_load(),
        memory_total=memory.total,
        memory_used=memory.total - memory.available,
        disk_total=disk.total,
        disk_free=disk.free,
    )


def system(house: House) -> SystemView:
    """The server about itself."""
    return SystemView(
        version=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        started=house.started,
        home=str(house.home.path),
        data_roots=[str(root) for root in house.roots],
        auth=house.settings.auth,
        engine_ready=house.host.ready,
        machine=machine(house),
        devices=devices(house),
        jobs=jobs.counts(house),
    )


class _Load:
    """The processor's load since the last look, which psutil wants to be a moment ago."""

    def __init__(self) -> None:
        self._at = 0.0
        self._value: float | None = None

    def read(self) -> float | None:
        """From 0 to 1; None at the first look."""
        with _lock:
            now = time.monotonic()
            if now - self._at >= FRESH_SECONDS:
                percent = psutil.cpu_percent(interval=None)
                self._value = None if self._at == 0 else percent / 100
                self._at = now
            return self._value


_load = _Load().read


def _measured(gpu: Gpu) -> Device:
    """A GPU with its present figures; without them where the driver does not answer."""
    import pynvml

    plain = Device(id=gpu.device, name=gpu.name, memory_total=gpu.memory)
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return plain.model_copy(
            update={
                "memory_used": int(memory.used),
                "utilisation": pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
                "temperature": float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
            }
        )
    except pynvml.NVMLError:
        return plain


@cache
def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or "Processor"
