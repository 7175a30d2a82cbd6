"""The pictures of a plan that lie elsewhere, fetched before they are built: several at once, memory kept flat.

What cannot be had is listed with its reason and left out, like a file that cannot be read. The rest is built as
if it had always been here, so that the same content gives the same database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, get_ident

from gradus.core.dataset import BadFile
from gradus.core.errors import InputError
from gradus.data.building import Building
from gradus.data.collect import Part, Plan
from gradus.data.lists import Entry, escape
from gradus.data.ordered import in_order
from gradus.data.remote.fetcher import CONNECTIONS
from gradus.data.remote.sources import Elsewhere
from gradus.data.remote.wire import HaltedError

WAITING = ".fetching-"  # how a file's name starts until all of it is here


def fetch(plan: Plan, build: Building) -> None:
    """Fetch what the plan chose. `Stopped` and `InputError` as `build` has them: asked to stop, too much missing."""
    before = len(plan.bad)
    of = sum(len(part.entries) for part in plan.parts.values() if part.elsewhere)
    at, began = 0, time.monotonic()
    for part in plan.parts.values():
        if part.elsewhere is None:
            continue
        kept: list[Entry] = []
        look = _Look(build, part.elsewhere.halt)
        for done in in_order(_Fetch(part, part.elsewhere), part.entries, 1, look, CONNECTIONS):
            kept += [entry for entry, bad in done if bad is None]
            at += len(done)
            build.fetched(before + at, [bad for _, bad in done if bad], at, of, began)
        part.entries = kept
    build.read = len(build.bad)


def fetch_one(elsewhere: Elsewhere, file: str) -> str:
    """The path of a file's copy, which is fetched if it is not here yet; empty for a file of this machine."""
    path = elsewhere.copy_of(file)
    if not path or (os.path.isfile(path) and os.path.getsize(path)):  # noqa: PTH113, PTH202
        return path
    waiting = f"{os.path.dirname(path)}/{WAITING}{get_ident()}-{time.monotonic_ns()}"  # noqa: PTH120
    try:
        with Path(waiting).open("w+b") as into:
            elsewhere.fetch(file, into)
        Path(waiting).replace(path)
    finally:
        Path(waiting).unlink(missing_ok=True)
    return path


def prune(copies: Path) -> None:
    """Remove from a folder of copies what was drawn and not fetched."""
    for folder, _, files in os.walk(copies, topdown=False):
        for name in files:
            if not (path := Path(folder, name)).stat().st_size:
                path.unlink()
        if not list(Path(folder).iterdir()):
            Path(folder).rmdir()


@dataclass(frozen=True, slots=True)
class _Look:
    """Looks whether to stop, and ends what is under way if so."""

    build: Building
    halt: Event

    def __call__(self) -> None:
        try:
            self.build.look()
        except BaseException:
            self.halt.set()
            raise


@dataclass(frozen=True, slots=True)
class _Fetch:
    """How each file is fetched; several threads call it."""

    part: Part
    elsewhere: Elsewhere

    def __call__(self, entries: Sequence[Entry], halt: Event) -> list[tuple[Entry, BadFile | None]]:
        done: list[tuple[Entry, BadFile | None]] = []
        for entry in entries:
            if halt.is_set():
                break
            try:
                fetch_one(self.elsewhere, entry[0])
                done.append((entry, None))
            except InputError as error:
                done.append((entry, BadFile(file=escape(self.part.whole_name(entry[0])), reason=str(error))))
            except HaltedError:
                break
        return done
