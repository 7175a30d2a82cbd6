"""Processes as /proc tells of them: who one is beyond its number, and who belongs to it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import NamedTuple

NONCE_VARIABLE = "GRADUS_WORKER"  # in the environment of whatever a worker starts
_PROC = Path("/proc")


class Identity(NamedTuple):
    """A process that cannot be confused with a later one of the same number.

    `start_time` is in clock ticks since the machine started, field 22 of /proc/PID/stat (proc(5)).
    """

    pid: int
    start_time: int


class _Stat(NamedTuple):
    state: str
    parent: int
    session: int
    start_time: int


def identify(pid: int) -> Identity | None:
    """The identity of the process with this number, None if there is none."""
    stat = _stat(pid)
    return Identity(pid, stat.start_time) if stat else None


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs; one that has ended but was not collected does not."""
    stat = _stat(identity.pid)
    return stat is not None and stat.start_time == identity.start_time and stat.state not in "ZX"


def family(leader: Identity, nonce: str) -> set[Identity]:
    """The living processes of a worker: its session, its descendants, and who carries its nonce.

    A grandchild that forked twice and opened a session of its own is found as a descendant while the
    worker lives (which adopts orphans, see `worker`), and by the environment it inherited if it runs
    another program.
    """
    table = {pid: stat for pid in _pids() if (stat := _stat(pid))}
    number_is_ours = leader.pid not in table or table[leader.pid].start_time == leader.start_time
    mark = f"{NONCE_VARIABLE}={nonce}".encode()
    found = {
        pid
        for pid, stat in table.items()
        if stat.start_time >= leader.start_time
        and ((number_is_ours and stat.session == leader.pid) or (nonce and mark in _environment(pid)))
    }
    while grown := {pid for pid, stat in table.items() if stat.parent in found and pid not in found}:
        found |= grown
    found.discard(os.getpid())
    return {Identity(pid, table[pid].start_time) for pid in found if table[pid].state not in "ZX"}


def send(identity: Identity, number: signal.Signals) -> None:
    """Signal a process, if it is still the same."""
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(identity.pid, number)


def terminate_group(leader: Identity) -> None:
    """Ask the process group that a living worker leads to end."""
    if is_alive(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, signal.SIGTERM)


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before may itself hold spaces and brackets
    return _Stat(fields[0], int(fields[1]), int(fields[3]), int(fields[19]))


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""
