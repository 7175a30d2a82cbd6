"""The pages of one model: overview, charts, network, files and log. Testing it is in `model_test`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from gradus.core.errors import GradusError, Problem
from gradus.core.network import Graph, Phase
from gradus.core.state import ACTIVE, JobState
from gradus.core.view.model import ModelView
from gradus.services import devices, job_files, jobs, models
from gradus.services.house import House
from gradus.web.pages.given import GivenHouse
from gradus.web.pages.job_files import TAIL, written
from gradus.web.pages.model_schedule import chosen
from gradus.web.pages.render import render
from gradus.web.pages.words import PHASES

router = APIRouter()


@router.get("/models/{job_id}")
def overview(request: Request, house: GivenHouse, job_id: str) -> Response:
    """How it goes: chart, latest values, hardware, snapshots."""
    view = models.view(house, job_id)
    return show(
        request, house, view, "overview", live_devices=view.job.state in ACTIVE,
        devices=devices.devices(house), machine=devices.machine(house), choice=chosen(view.options),
    )  # fmt: skip


@router.get("/models/{job_id}/charts")
def charts(request: Request, house: GivenHouse, job_id: str) -> Response:
    """Every series over the whole training."""
    return show(request, house, models.view(house, job_id), "charts")


@router.get("/models/{job_id}/network")
def network(request: Request, house: GivenHouse, job_id: str, phase: Phase = "train") -> Response:
    """One phase of the network, drawn, beside the text."""
    view = models.view(house, job_id)
    graph, problem = _graph(house, job_id, phase)
    text = models.network_text(house, job_id)
    return show(request, house, view, "network", graph=graph, problem=problem, text=text, phase=phase, phases=PHASES)


@router.get("/models/{job_id}/files")
def files(request: Request, house: GivenHouse, job_id: str) -> Response:
    """Snapshots and every other file of the model."""
    view = models.view(house, job_id)
    return show(request, house, view, "files", files=job_files.files(house, job_id), best=_best(view))


@router.get("/models/{job_id}/log")
def log(request: Request, house: GivenHouse, job_id: str) -> Response:
    """What the worker wrote."""
    view = models.view(house, job_id)
    return show(request, house, view, "log", **written(house, view.job, view.seq))


def show(
    request: Request, house: House, view: ModelView, tab: str, *, status: int = 200, live_devices: bool = False,
    **values: Any,
) -> Response:  # fmt: skip
    """One tab of a model's page, with the head that all of them share."""
    job = view.job
    topics = f"job:{job.id}" + (",devices" if live_devices else "")
    return render(
        request,
        f"models/{tab}.html",
        status=status,
        topics=topics,
        after=view.seq,
        view=view,
        job=job,
        tab=tab,
        latest=sorted(view.latest.items(), key=_importance),
        place=jobs.place(house, job) if job.state is JobState.WAITING else "",
        tail=jobs.log(house, job.id, limit=TAIL).text if job.state is JobState.ERROR else "",
        **values,
    )


def _best(view: ModelView) -> str:
    """The snapshot with the highest accuracy; empty where none was measured."""
    scored = [
        (value, -snapshot.step, snapshot.name)
        for snapshot in view.snapshots
        for name, value in snapshot.metrics.items()
        if "accuracy" in name and value is not None
    ]
    return max(scored)[2] if len(scored) > 1 else ""


def _importance(item: tuple[str, float | None]) -> tuple[int, str]:
    """What people look for first: how good it is, then the losses, then the rest."""
    name = item[0]
    order = ("accuracy" in name, name.startswith("val/"), name.startswith("train/"))
    return order.index(True) if True in order else len(order), name


def _graph(house: House, job_id: str, phase: Phase) -> tuple[Graph | None, Problem | None]:
    """The drawn network, or why it cannot be drawn; the text is shown all the same."""
    try:
        return models.graph(house, job_id, phase), None
    except GradusError as error:
        return None, error.problem
