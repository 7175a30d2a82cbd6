"""The warm models: one process for each model and snapshot in use, the least recently used goes first."""

from __future__ import annotations

import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from gradus.core.dataset import Split
from gradus.core.errors import UnavailableError
from gradus.core.model import Evaluation
from gradus.engine.snapshot_files import SNAPSHOTS, list_snapshots
from gradus.jobs.orders import EvaluationQuestion
from gradus.jobs.processes import Identity
from gradus.jobs.warm_model import ANSWER_SECONDS, Picture, Result, WarmModel

CRASHES = 3  # in a row with the same model, after which it is not started again
IDLE_SECONDS = 600.0
READY_SECONDS = 30.0

Key = tuple[Path, str | None, str]  # folder, the snapshot asked for, and the newest where none was

log = logging.getLogger(__name__)


class Opener(Protocol):
    """What starts a model's process: the engine host."""

    def wait(self, timeout: float) -> bool:
        """Wait until it can."""

    def open_predictor(self, folder: Path, snapshot: str | None, device: str) -> tuple[socket.socket, Identity]:
        """Start one; the socket talks to it as `predictor_child` says."""

    def evaluate(self, question: EvaluationQuestion) -> Evaluation:
        """Answer in a process of its own."""


class Predictors:
    """Predictions by any model, from any thread."""

    def __init__(
        self, host: Opener, limit: int = 4, *, device: str = "cpu", idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._host, self._limit, self._device, self._idle = host, limit, device, idle_seconds
        self._models: OrderedDict[Key, WarmModel] = OrderedDict()
        self._crashes: dict[Key, int] = {}
        self._newest: dict[Path, tuple[int, str]] = {}  # by model: when its snapshots changed, and the newest then
        self._lock = threading.Lock()

    def predict(self, folder: Path, snapshot: str | None, pictures: Sequence[Picture], top: int) -> list[Result]:
        """What the model in `folder` says of each picture: the `top` most probable classes, or a problem.

        Without a snapshot the newest whole one is taken. Raises `UnavailableError` when the model's
        process dies meanwhile; the next call starts it again, unless it has died three times in a row.
        """
        key = (folder, snapshot, "" if snapshot else self._newest_of(folder))
        try:
            results = self._ask(key, pictures, top).result(ANSWER_SECONDS)
        except TimeoutError:
            raise UnavailableError("the prediction took too long", hint="try again with fewer pictures") from None
        with self._lock:
            self._crashes.pop(key, None)
        return results

    def evaluate(self, folder: Path, dataset_folder: Path, split: Split, snapshot: str | None) -> Evaluation:
        """Measure a model on one split of its dataset. Takes as long as the split is large."""
        question = EvaluationQuestion(
            model=str(folder), dataset=str(dataset_folder), split=split, snapshot=snapshot, device=self._device
        )
        return self._host.evaluate(question)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            models = list(self._models.values())
        for model in models:
            model.close()
        for model in models:
            model.join()

    def loaded(self) -> list[tuple[Path, str]]:
        """The folders and snapshots of the models that are warm, the most recently used last."""
        with self._lock:
            return [(folder, snapshot or newest) for folder, snapshot, newest in self._models]

    def _ask(self, key: Key, pictures: Sequence[Picture], top: int) -> Future[list[Result]]:
        with self._lock:
            if key in self._models and (answer := self._models[key].ask(pictures, top)):
                self._models.move_to_end(key)
                return answer
            if self._crashes.get(key, 0) >= CRASHES:
                raise UnavailableError(
                    f"the model's process has died {CRASHES} times in a row",
                    hint="see the server's log; another snapshot may do, or more memory",
                )
            model = WarmModel(lambda: self._open(key), lambda ended, died: self._ended(key, ended, died), self._idle)
            answer = model.ask(pictures, top)
            assert answer is not None  # it can end only after its first batch
            self._models[key] = model
            self._models.move_to_end(key)
            for other in list(self._models)[: -self._limit]:
                self._models.pop(other).close()
        return answer

    def _newest_of(self, folder: Path) -> str:
        """The name of the newest snapshot; looked for again only when their folder has changed."""
        try:
            changed = (folder / SNAPSHOTS).stat().st_mtime_ns
        except FileNotFoundError:
            return ""
        known = self._newest.get(folder)
        if known is None or known[0] != changed:
            snapshots = list_snapshots(folder)
            known = self._newest[folder] = changed, snapshots[-1].name if snapshots else ""
        return known[1]

    def _open(self, key: Key) -> socket.socket:
        if not self._host.wait(READY_SECONDS):
            raise UnavailableError("the engine is still warming up", hint="try again in some seconds")
        folder, snapshot, _ = key
        return self._host.open_predictor(folder, snapshot, self._device)[0]

    def _ended(self, key: Key, model: WarmModel, died: bool) -> None:
        with self._lock:
            if self._models.get(key) is model:
                del self._models[key]
            if died:
                self._crashes[key] = self._crashes.get(key, 0) + 1
                log.warning("the process of the model in %s has died", key[0].name)
