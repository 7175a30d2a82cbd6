"""Holds a home and schedules its jobs until it is killed: what a server is to the jobs."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from gradus.jobs.executors.local import SpawningExecutor
from gradus.jobs.home import Home
from gradus.jobs.resources import Resources
from gradus.jobs.scheduler import Scheduler
from gradus.jobs.store import Store

if __name__ == "__main__":
    home = Home(Path(sys.argv[1]))
    lock = home.lock("server")
    command = (sys.executable, "-P", str(Path(__file__).with_name("fake_worker.py")))
    scheduler = Scheduler(Store(home), SpawningExecutor(command), Resources(cores=2))
    scheduler.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()
