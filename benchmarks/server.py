"""A server of our own for a benchmark: a process, a client and its key."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gradus import Client
from gradus.jobs.home import Home
from gradus.services.auth import read_local_key


@dataclass(frozen=True)
class Served:
    """A running server."""

    client: Client
    url: str
    key: str
    pid: int


@contextmanager
def served(home: Path) -> Iterator[Served]:
    """Serve a home for as long as the context lasts."""
    command = [sys.executable, "-m", "gradus.cli.main", "serve", "--home", str(home), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        announced = ""
        for line in process.stdout:  # a JSON object over several lines
            announced += line
            if line.startswith("}"):
                break
        url = json.loads(announced)["url"].split("/?")[0]
        key = read_local_key(Home(home)) or ""
        with Client(url, key, timeout=120) as client:
            yield Served(client, url, key, process.pid)
    finally:
        process.terminate()
        process.wait(20)
