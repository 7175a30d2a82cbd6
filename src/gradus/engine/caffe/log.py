"""Lines as Caffe's logger writes them, because people's scripts and DIGITS read them:

    I1120 10:31:52.123456  4242 solver.cpp:218] Iteration 100 (...), loss = 0.25

that is the severity, month and day, the time, the thread, the place in Caffe's own source (release 1.0), the message.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TextIO

SEVERITIES = "IWEF"  # information, warning, error, fatal: 0 to 3


class Log:
    """Writes to standard error and, where a folder is given, to a file of its own that `caffe.INFO` there points to."""

    def __init__(self, stream: TextIO | None = None, *, least: int = 0, folder: Path | None = None) -> None:
        self._file = None if folder is None else _file(folder)
        self._streams = [stream or sys.stderr, *([self._file] if self._file else [])]
        self._least = least

    def __call__(self, place: str, message: str, severity: str = "I") -> None:
        """Write one message; `place` is a file and line of Caffe's."""
        if SEVERITIES.index(severity) < self._least and severity != "F":
            return
        now = datetime.now()
        line = f"{severity}{now:%m%d %H:%M:%S.%f} {threading.get_native_id():5d} {place}] {message}\n"
        for stream in self._streams:
            stream.write(line)
            stream.flush()

    def warn(self, place: str, message: str) -> None:
        """Write a warning."""
        self(place, message, "W")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _file(folder: Path) -> TextIO:
    """A new log file, named as glog does, with its head; the link to the newest is renewed."""
    folder.mkdir(parents=True, exist_ok=True)
    now, host = datetime.now(), socket.gethostname()
    name = f"caffe.{host}.{getpass.getuser()}.log.INFO.{now:%Y%m%d-%H%M%S}.{os.getpid()}"
    file = (folder / name).open("w", encoding="utf-8")
    file.write(
        f"Log file created at: {now:%Y/%m/%d %H:%M:%S}\nRunning on machine: {host}\n"
        "Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg\n"
    )
    link = folder / "caffe.INFO"
    link.unlink(missing_ok=True)
    link.symlink_to(name)
    return file
