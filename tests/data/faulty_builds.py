"""Builds whose n-th system call fails or kills, for n = 1, 2, 3 ... until one succeeds: SQLite's way of testing.

`python faulty_builds.py OPTIONS FOLDER EFFECT` prints a line of JSON for each: what became of it, what was there then,
and the fingerprint of the dataset that was built in the same folder afterwards, undisturbed. EFFECT is strace's:
`error=ENOSPC` or `signal=KILL`. A process forks for each build, so that the libraries are loaded once.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetOptions
from gradus.core.errors import StorageFullError
from gradus.data.build import build_classification
from gradus.data.facts import FILE
from gradus.data.generic import build_generic
from gradus.plugins.manager import kind

CALLS = "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,mkdir,ftruncate,fallocate"
FULL, ODD = 7, 8
MOST = 400
VOLATILE = ("dataset.json",)  # it has the seconds that the build took


class Quiet:
    """A report that says nothing: only the dataset itself is written."""

    def progress(self, *_: object) -> None: ...
    def counts(self, *_: object) -> None: ...
    def warning(self, *_: object) -> None: ...
    def stopping(self) -> bool:
        return False


def read(text: str) -> DatasetOptions:
    """The options of any kind of dataset."""
    given = json.loads(text)
    model = ClassificationOptions if given["type"] == "classification" else kind(given["type"]).options
    return model.model_validate(given)  # type: ignore[no-any-return]


def build(options: DatasetOptions, folder: Path) -> int:
    """An exit status, and the error in `error` beside the folder."""
    try:
        if isinstance(options, ClassificationOptions):
            build_classification(options, folder, Quiet())  # type: ignore[arg-type]
        else:
            build_generic(kind(options.type), options, folder, Quiet())  # type: ignore[arg-type]
    except StorageFullError:
        return FULL
    except BaseException as error:
        folder.with_suffix(".error").write_text(repr(error))
        return ODD
    return 0


def forked(options: DatasetOptions, folder: Path, injection: str | None) -> int:
    """Build in a child, under strace if something is to be injected; the exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        if injection:
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(build(options, folder))
    if injection:
        os.waitpid(child, os.WUNTRACED)
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={CALLS}:{injection}", "-p", str(child)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        while "TracerPid:\t0" in Path(f"/proc/{child}/status").read_text():
            if tracer.poll() is not None:
                os.kill(child, signal.SIGKILL)
                raise SystemExit(f"strace cannot: {tracer.stderr.read().decode()}")  # type: ignore[union-attr]
            time.sleep(0.001)
        os.kill(child, signal.SIGCONT)
    _, status = os.waitpid(child, 0)
    if injection:
        tracer.wait()
    return os.waitstatus_to_exitcode(status)


def fingerprint(folder: Path) -> str:
    """Of all files of a dataset but the one that has the time it took."""
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in (*VOLATILE, "lock.mdb")):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def main() -> None:
    """Do it."""
    options = read(sys.argv[1])
    root, effect = Path(sys.argv[2]), sys.argv[3]
    build(options, root / "whole")
    for number in range(1, MOST):
        folder = root / str(number)
        status = forked(options, folder, f"{effect}:when={number}")
        finished = (folder / FILE).exists()
        odd = folder.with_suffix(".error")
        row = {
            "status": status,
            "finished": finished,
            "left": sorted(p.name for p in folder.glob("*")) if folder.exists() else [],
            "error": odd.read_text() if odd.exists() else "",
            "first": fingerprint(folder) if finished else "",
            "again": forked(options, folder, None),
            "then": fingerprint(folder),
            "whole": fingerprint(root / "whole"),
        }
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
        if status == 0:
            return


if __name__ == "__main__":
    main()
