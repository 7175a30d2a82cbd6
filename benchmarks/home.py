"""The home page with 10,000 jobs."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from benchmarks.measure import Row, typical
from benchmarks.server import served
from benchmarks.setting import Setting
from gradus.core.classification import ClassificationOptions
from gradus.core.job import Job, JobKind, JobRecord, new_job_id
from gradus.core.state import JobState
from gradus.jobs.home import Home
from gradus.jobs.store import Store

JOBS = 10_000
REQUESTS = 60


def run(setting: Setting) -> list[Row]:
    home = setting.work / "home"
    _fill(home)
    with served(home) as server, httpx.Client(base_url=server.url, headers={"Accept": "text/html"}) as http:
        http.headers["Authorization"] = f"Bearer {server.key}"
        page = http.get("/").raise_for_status()
        assert "digits 9999" in page.text
        whole = typical(lambda: http.get("/").raise_for_status(), REQUESTS)
        everything = typical(lambda: list(server.client.datasets.list()), 3)
    return [
        Row(
            name="home", what=f"home page with {JOBS:,} jobs", unit="ms", better="less", ours=whole * 1000,
            peer=everything * 1000, peer_name="reading all jobs over REST", bar=20.0, bar_kind="figure",
        )
    ]  # fmt: skip


def _fill(home: Path) -> None:
    """Ten thousand datasets that have been asked for and stopped."""
    store = Store(Home(home))
    for number in range(JOBS):
        options = ClassificationOptions(name=f"digits {number}", train="/data/digits")
        job = Job(
            id=new_job_id(), kind=JobKind.DATASET, type="classification", name=options.name, state=JobState.WAITING,
            created=time.time(),
        )  # fmt: skip
        store.create(JobRecord(job=job, options=options.model_dump(mode="json"), history=[]))
        store.transition(job.id, JobState.WAITING, JobState.ABORTED)
    store.close()
