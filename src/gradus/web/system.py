"""Signs of life for whoever watches the server: is it alive, can it work, and its figures for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import psutil
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from gradus import __version__
from gradus.core.errors import GradusError
from gradus.services import jobs
from gradus.services.house import House

router = APIRouter(tags=["system"])


class Health(BaseModel):
    """Whether the server answers; `ready` also says that it can work."""

    model_config = ConfigDict(frozen=True)

    status: str
    database: bool = True
    engine: bool = True


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz")
def readyz(request: Request, response: Response) -> Health:
    """The database answers and the engine host is warm; 503 until then."""
    house: House = request.app.state.house
    try:
        jobs.counts(house)
        database = True
    except GradusError:
        database = False
    engine = house.host.ready
    ready = database and engine
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return Health(status="ready" if ready else "starting", database=database, engine=engine)


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Figures in the text format of Prometheus."""
    house: House = request.app.state.house
    text = "".join(line + "\n" for line in _lines(house, request.app.state.live.clients))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _lines(house: House, clients: int) -> Iterator[str]:
    process = psutil.Process()
    yield from _metric("gradus_info", "gauge", "The version.", [(f'{{version="{__version__}"}}', 1)])
    yield from _metric("gradus_uptime_seconds", "gauge", "Since the start.", [("", time.time() - house.started)])
    found = jobs.counts(house)
    states = [
        (f'{{kind="{kind}",state="{state}"}}', number)
        for kind, numbers in (("dataset", found.datasets), ("model", found.models))
        for state, number in numbers.items()
    ]
    yield from _metric("gradus_jobs", "gauge", "Jobs by kind and state.", states)
    usage = house.resources.usage()
    yield from _metric(
        "gradus_slots_used",
        "gauge",
        "Slots in use.",
        [(f'{{pool="{pool}"}}', used) for pool, (used, _) in usage.items()],
    )
    yield from _metric(
        "gradus_slots",
        "gauge",
        "Slots there are.",
        [(f'{{pool="{pool}"}}', total) for pool, (_, total) in usage.items()],
    )
    yield from _metric("gradus_live_clients", "gauge", "Event streams held.", [("", clients)])
    yield from _metric(
        "gradus_engine_ready", "gauge", "Whether the engine host is warm.", [("", int(house.host.ready))]
    )
    memory = [("", process.memory_info().rss)]
    yield from _metric("process_resident_memory_bytes", "gauge", "Resident memory of the server.", memory)
    yield from _metric("process_open_fds", "gauge", "Open file descriptors.", [("", process.num_fds())])
    yield from _metric("process_threads", "gauge", "Threads.", [("", process.num_threads())])


def _metric(name: str, kind: str, text: str, samples: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{labels} {value}"
