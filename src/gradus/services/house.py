"""A home at work: its store, its scheduler, the engine host, the predictors and the keys, put together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from gradus.jobs.engine_host import EngineHost
from gradus.jobs.executors.executor import Executor
from gradus.jobs.executors.local import LocalExecutor
from gradus.jobs.home import HolderKind, Home, HomeLock
from gradus.jobs.hub import Listener
from gradus.jobs.predictors import Predictors
from gradus.jobs.resources import Resources
from gradus.jobs.scheduler import Scheduler
from gradus.jobs.store import Store
from gradus.services.auth import Keys
from gradus.services.reading import EventOffsets
from gradus.services.room import Room
from gradus.services.series import CurveCache
from gradus.services.settings import Settings


class House:
    """What the services work with. One process at a time holds a home; `open` says who if it is not this one.

    Opening is quick: the engine host loads torch in the background, and nothing on the disk is scanned.
    Closing leaves the workers at work; the next house adopts them.
    """

    home: Home
    store: Store
    resources: Resources
    host: EngineHost
    scheduler: Scheduler
    predictors: Predictors
    keys: Keys

    def __init__(self, settings: Settings, *, host: EngineHost | None = None, executor: Executor | None = None) -> None:
        """`host` and `executor` take the place of the usual ones."""
        self.settings = settings
        self.home = Home(settings.home)
        self.roots = tuple(dict.fromkeys(Path(os.path.realpath(root)) for root in settings.data_roots))
        self.room = Room(self.home.uploads, settings.upload_gib << 30)
        self.curves = CurveCache()
        self.offsets = EventOffsets()
        self.started = 0.0
        self.url = ""
        self._given_host, self._given_executor = host, executor
        self._lock: HomeLock | None = None
        self._closing = ExitStack()

    def open(self, kind: HolderKind = "server") -> Self:
        """Take the home and start all that works in it; `ConflictError` if another process holds it."""
        with ExitStack() as undo:
            lock = undo.enter_context(self.home.lock(kind))
            self.store = Store(self.home, self.settings.database_url)
            undo.callback(self.store.close)
            token = self.settings.token.get_secret_value() if self.settings.token else None
            self.keys = Keys(self.home, self.store.access, token=token, open_house=self.settings.auth == "none")
            undo.callback(self.keys.close)
            self.resources = Resources.detect()
            self.host = self._given_host or EngineHost()
            self.host.start()
            undo.callback(self.host.close)
            self.predictors = Predictors(self.host)
            undo.callback(self.predictors.close)
            self.scheduler = Scheduler(self.store, self._given_executor or LocalExecutor(self.host), self.resources)
            self.scheduler.start()
            undo.callback(self.scheduler.stop)
            self.started = time.time()
            self._lock = lock
            self._closing = undo.pop_all()
        return self

    def announce(self, url: str) -> None:
        """Write down for other processes where this one is to be reached."""
        self.url = url
        if self._lock is not None:
            self._lock.announce(url)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of every change of a job and every event of a worker; returns how to stop it."""
        return self.scheduler.subscribe(listener)

    def close(self) -> None:
        """Stop, in the opposite order. Workers go on; the home is free for another process."""
        self._closing.close()
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
