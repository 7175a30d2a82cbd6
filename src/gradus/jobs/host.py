"""The engine host: `python -m gradus.jobs.host DESCRIPTOR`, a child of the server.

It imports what training needs, once, and then forks: a worker is ready in milliseconds instead of
seconds. To be a safe place to fork from it stays without threads, runs no operation of torch and never
touches CUDA. When the server's end of the socket closes it ends; its workers go on.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from gradus.jobs.orders import MESSAGE_BYTES, Answer, Order
from gradus.jobs.processes import identify
from gradus.jobs.worker_exit import write_exit

PRELOADED = (
    "cv2", "lmdb", "lightning_fabric", "gradus.engine.preload", "gradus.engine.train", "gradus.engine.predict",
    "gradus.engine.evaluate", "gradus.engine.draw", "gradus.data.build", "gradus.jobs.tasks.build_dataset",
    "gradus.jobs.tasks.train", "gradus.jobs.worker", "gradus.jobs.questions", "gradus.jobs.predictor_child",
)  # fmt: skip

log = logging.getLogger(__name__)


class Host:
    """The loop that takes orders and collects children."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._woken, self._wake = socket.socketpair()
        self._folders: dict[int, Path | None] = {}  # of living children; a folder if it is a worker

    def serve(self) -> None:
        """Take orders until the server is gone."""
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._tell(Answer(ready=True))
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            self._selector = selector
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                        self._collect()
                    elif not self._take_order():
                        return

    def _take_order(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._server, MESSAGE_BYTES, 1)
        if not message:
            return False
        order = Order.model_validate_json(message)
        passed = socket.socket(fileno=descriptors[0]) if descriptors else None
        try:
            self._tell(self._carry_out(order, passed))
        finally:
            if passed is not None:
                passed.close()
        return True

    def _carry_out(self, order: Order, passed: socket.socket | None) -> Answer:
        if order.do == "kill":
            if order.pid in self._folders:  # only a child that was not collected: its number is still its own
                os.kill(order.pid, signal.SIGKILL)
            return Answer(number=order.number)
        try:
            pid = os.fork()
        except OSError as error:
            return Answer(number=order.number, problem=f"no process can be started: {error.strerror}")
        if pid == 0:
            self._become(order, passed)
        self._folders[pid] = Path(order.folder) if order.do == "worker" else None
        identity = identify(pid)
        return Answer(number=order.number, pid=pid, start_time=identity.start_time if identity else 0)

    def _become(self, order: Order, passed: socket.socket | None) -> None:
        """In the child: leave everything of the host behind, do what was ordered, end."""
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for inherited in (self._server, self._woken, self._wake):
                inherited.close()
            code = _WORK[order.do](order, passed)
            sys.stdout.flush()
        except BaseException:  # nothing may come back into the host's loop
            with contextlib.suppress(BaseException):
                traceback.print_exc()
        finally:
            os._exit(code)

    def _collect(self) -> None:
        while self._folders:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            folder = self._folders.pop(pid, None)
            if folder is not None:
                try:
                    write_exit(folder, pid, os.waitstatus_to_exitcode(status))
                except OSError as error:
                    log.warning("the end of worker %d could not be recorded: %s", pid, error)
            self._tell(Answer(exited=pid))

    def _tell(self, answer: Answer) -> None:
        try:
            self._server.send(answer.model_dump_json().encode())
        except OSError:  # the server is gone: the loop will see it
            return


def _work(order: Order, _passed: socket.socket | None) -> int:
    from gradus.jobs import worker

    if order.threads:
        import torch

        torch.set_num_threads(order.threads)
    return worker.run(Path(order.folder), order.nonce)


def _question(_order: Order, passed: socket.socket | None) -> int:
    from gradus.jobs import questions

    assert passed is not None  # the server sends a socket with every question
    questions.answer(passed)
    return 0


def _predictor(order: Order, passed: socket.socket | None) -> int:
    from gradus.jobs import predictor_child

    assert passed is not None
    predictor_child.serve(passed, Path(order.folder), order.snapshot, order.device)
    return 0


_WORK: dict[str, Callable[[Order, socket.socket | None], int]] = {
    "worker": _work,
    "question": _question,
    "predictor": _predictor,
}


def preload() -> None:
    """Import what will be needed. What cannot be imported is left to fail where it is used, with its reason."""
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            log.exception("%s could not be loaded beforehand", name)
    gc.collect()
    gc.freeze()  # so that collecting garbage in a child does not copy the pages it shares with the host


def main() -> None:
    """Run the host on the socket whose descriptor is the only argument."""
    logging.basicConfig(level=logging.WARNING, format="engine host: %(message)s")
    server = socket.socket(fileno=int(sys.argv[1]))
    server.set_inheritable(False)
    preload()
    Host(server).serve()
    os._exit(0)  # at once: there is nothing to put in order, and children may still be ending


if __name__ == "__main__":
    main()
