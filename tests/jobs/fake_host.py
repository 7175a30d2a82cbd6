"""An engine host without an engine: the real loop and the real forks, around made-up networks and models."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import types
from pathlib import Path

from gradus.core.errors import ConflictError, NetworkError, Problem
from gradus.core.model import ClassScore, Prediction
from gradus.core.network import Graph
from gradus.jobs import host, predictor_child


def draw_network(text, given, phase, **_) -> Graph:
    if text == "hang":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        while True:
            time.sleep(60)
    if text == "greedy":
        bytearray(2**32)
    if text == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if text == "wrong":
        raise NetworkError("no such layer", line=7)
    descriptors = ",".join(sorted(entry.name for entry in Path("/proc/self/fd").iterdir()))
    return Graph(
        name=f"{os.getpid()}", phase=phase, nodes=[], edges=[], inputs=[descriptors], outputs=[str(len(text))],
        parameters=0, multiply_adds=0, batch_size=1,
    )  # fmt: skip


class Predictor:
    """Says the length of each picture, and in `milliseconds` how many pictures came in one batch."""

    def __init__(self, folder: Path, snapshot: str | None, device: str) -> None:
        if folder.name == "broken":
            raise ConflictError("the snapshot cannot be used")
        if folder.name == "fatal":
            os._exit(3)
        self.folder, self.snapshot = folder, snapshot or "newest"

    def predict(self, pictures, top):
        if self.folder.name == "mortal":
            os._exit(3)
        time.sleep(0.05)
        contents = [item.read_bytes() if isinstance(item, Path) else item for item in pictures]
        return [self._one(content, top, len(pictures)) for content in contents]

    def _one(self, content: bytes, top: int, batch: int):
        if not content:
            return Problem(code="image_error", message="empty")
        scores = [ClassScore(label=str(len(content)), index=n, probability=1 / (n + 1)) for n in range(top)]
        return Prediction(
            input="", classes=scores, snapshot=f"{os.getpid()} {self.snapshot}", epoch=1, milliseconds=batch
        )


if __name__ == "__main__":
    for name, module in (("draw", {"draw_network": draw_network}), ("predict", {"Predictor": Predictor})):
        sys.modules[f"gradus.engine.{name}"] = types.SimpleNamespace(**module)  # type: ignore[assignment]
    assert predictor_child is not None
    host.Host(socket.socket(fileno=int(sys.argv[1]))).serve()
    os._exit(0)
