"""The home page: what runs, the devices, and the lists of datasets and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from gradus.core.errors import NotFoundError
from gradus.core.job import Job, JobKind
from gradus.core.state import ACTIVE
from gradus.jobs.query import JobQuery, Sort
from gradus.services import devices, jobs, models
from gradus.services.house import House
from gradus.web.pages.given import GivenHouse
from gradus.web.pages.render import render
from gradus.web.pages.results import result

router = APIRouter()
SPARK_POINTS = 40
Tab = Literal["datasets", "models"]


@dataclass(frozen=True)
class Line:
    """One row: a job and what is shown beside it."""

    job: Job
    dataset: Job | None = None
    result: str = ""
    spark: tuple[float, ...] = ()


@router.get("/")
def home(
    request: Request, house: GivenHouse, tab: Tab | None = None, q: str = "", sort: str = "", cursor: str = ""
) -> Response:
    """Home; `?tab=&q=&sort=` keep the state of the view in the address."""
    counted = jobs.counts(house)
    totals = {"datasets": sum(counted.datasets.values()), "models": sum(counted.models.values())}
    shown: Tab = tab or ("models" if totals["models"] else "datasets")
    key = sort.removeprefix("-")
    known = key in {"created", "name", "state", "group"}
    page = jobs.listing(
        house,
        JobQuery(
            kind=JobKind.DATASET if shown == "datasets" else JobKind.MODEL,
            text=q[:200],
            sort=cast(Sort, key) if known else "created",
            descending=sort.startswith("-") if known else True,
            cursor=cursor or None,
        ),
    )
    found = devices.devices(house)
    gpus = [device for device in found if device.id != "cpu"]
    return render(
        request,
        "home.html",
        topics="jobs,devices",
        tab=shown,
        counts=totals,
        first_run=not totals["datasets"] and not totals["models"],
        running=_running(house),
        jobs=_lines(house, page.items),
        next=page.next,
        cursor=cursor,
        q=q,
        sort=sort if known else "-created",
        query=urlencode({"tab": shown, "q": q, "sort": sort, "cursor": cursor}),
        columns=_columns(shown),
        devices=found,
        gpus=len(gpus),
        free_gpus=sum(1 for device in gpus if not device.job_id),
    )


def _columns(tab: Tab) -> list[tuple[str, str, str]]:
    dataset = [("", "Dataset", "roomy")] if tab == "models" else []
    return [
        ("name", "Name", ""), ("state", "Status", ""), *dataset, ("", "Result", ""), ("group", "Group", "roomy"),
        ("created", "Submitted", "num"), ("", "Took", "num roomy"),
    ]  # fmt: skip


def _running(house: House) -> list[Line]:
    active = jobs.listing(house, JobQuery(states=frozenset(ACTIVE), limit=20)).items
    return [Line(job, spark=_spark(house, job) if job.kind is JobKind.MODEL else ()) for job in active]


def _spark(house: House, job: Job) -> tuple[float, ...]:
    """The loss while training, thinned out, for a line the size of a word."""
    series = models.series(house, job.id, max_points=SPARK_POINTS)
    loss = next((s for s in series if s.name.startswith("train/") and "loss" in s.name), None)
    return tuple(point.value for point in loss.points if point.value is not None) if loss else ()


def _lines(house: House, listed: list[Job]) -> list[Line]:
    known: dict[str, Job | None] = {}
    for job in listed:
        if job.dataset_id and job.dataset_id not in known:
            try:
                known[job.dataset_id] = jobs.get(house, job.dataset_id)
            except NotFoundError:
                known[job.dataset_id] = None
    return [Line(job, known.get(job.dataset_id or ""), result(house, job)) for job in listed]
