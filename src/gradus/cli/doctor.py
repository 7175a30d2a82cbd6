"""`gradus doctor`: looks at the machine and says what would get in the way."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from pydantic import BaseModel

from gradus.cli.common import HomeOption, JsonOption
from gradus.cli.guard import FAILED, guarded
from gradus.cli.output import plain, say_json, say_table, table

if TYPE_CHECKING:
    from gradus.jobs.home import Home

GIB = 2**30
LITTLE_DISK = 2 * GIB  # under which databases and snapshots soon fail
LITTLE_MEMORY = 2 * GIB
TORCH = "import torch, json; print(json.dumps([torch.__version__, torch.cuda.is_available()]))"
FAST = {"avx512f": "AVX-512", "avx512_bf16": "bfloat16", "amx_bf16": "AMX"}
MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}


class Check(BaseModel):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "note", "bad"]
    found: str


@guarded
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look at the machine and the home folder, and say what would get in the way."""
    from gradus.cli.connection import settings_for
    from gradus.jobs.home import Home

    checks = [*_software(), *_hardware(), *_home(Home(settings_for(home).home))]
    if as_json:
        say_json(checks)
    else:
        rows = table("", "", "")
        rows.show_header = False
        for check in checks:
            rows.add_row(MARKS[check.state], check.name, plain(check.found))
        say_table(rows)
    if any(check.state == "bad" for check in checks):
        raise typer.Exit(FAILED)


def _software() -> Iterator[Check]:
    yield Check(name="Gradus", state="ok", found=version("gradus"))
    yield Check(name="Python", state="ok", found=f"{platform.python_version()} on {platform.platform()}")
    yield _torch()
    for package in ("fastapi", "lightning-fabric", "lmdb", "opencv-python-headless", "simplejpeg"):
        try:
            yield Check(name=package, state="ok", found=version(package))
        except PackageNotFoundError:
            yield Check(name=package, state="bad", found="is not installed: `make setup` installs it")


def _torch() -> Check:
    """PyTorch is loaded in a process of its own, as everywhere outside workers."""
    start = time.perf_counter()
    run = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, check=False)
    if run.returncode:
        return Check(name="PyTorch", state="bad", found=(run.stderr.strip().splitlines() or ["does not load"])[-1])
    number, cuda = run.stdout.strip().strip("[]").replace('"', "").split(", ")
    found = f"{number}, {'with' if cuda == 'true' else 'without'} CUDA, loaded in {time.perf_counter() - start:.1f} s"
    return Check(name="PyTorch", state="ok", found=found)


def _hardware() -> Iterator[Check]:
    import psutil

    cores = len(os.sched_getaffinity(0))
    info = Path("/proc/cpuinfo")
    flags = info.read_text(errors="replace") if info.exists() else ""
    fast = [
        name
        for name, flag in (("AVX-512", "avx512f"), ("bfloat16", "avx512_bf16"), ("AMX", "amx_bf16"))
        if flag in flags
    ]
    yield Check(name="Processor", state="ok", found=f"{cores} cores" + (f" with {', '.join(fast)}" if fast else ""))
    memory = psutil.virtual_memory()
    yield Check(
        name="Memory",
        state="note" if memory.available < LITTLE_MEMORY else "ok",
        found=f"{memory.available / GIB:.1f} GiB free of {memory.total / GIB:.1f}",
    )
    from gradus.services.devices import gpus

    cards = gpus()
    for card in cards:
        yield Check(name=card.id, state="ok", found=f"{card.name}, {(card.memory_total or 0) / GIB:.0f} GiB")
    if not cards:
        yield Check(name="GPU", state="note", found="none found: networks are trained on the processor")


def _home(home: Home) -> Iterator[Check]:
    yield Check(name="Home", state="ok", found=str(home.path))
    nearest = next(path for path in (home.path, *home.path.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield Check(name="Writing", state="bad", found=f"{nearest} cannot be written to: choose another with --home")
    free = shutil.disk_usage(nearest).free
    yield Check(
        name="Disk", state="bad" if free < LITTLE_DISK else "ok", found=f"{free / GIB:.1f} GiB free for {home.path}"
    )
    holder = home.holder()
    if holder is None:
        yield Check(name="Server", state="note", found="none runs: commands work by themselves")
        return
    from gradus.client import Client

    with Client(holder.url or "http://127.0.0.1:1") as client:
        alive = client.system.alive()
    found = f"{holder.kind} at {holder.url or 'no address yet'}, process {holder.pid}"
    yield Check(name="Server", state="ok" if alive else "bad", found=found + ("" if alive else ", does not answer"))
