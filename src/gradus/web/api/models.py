"""`/models`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from gradus.core.job import Job, JobKind
from gradus.core.model import Snapshot, TrainingOptions
from gradus.core.network import Graph, Phase
from gradus.core.view.job import LogPart
from gradus.core.view.model import ModelView, Series
from gradus.core.view.page import Page
from gradus.services import jobs, models
from gradus.services.jobs import JobChange
from gradus.services.series import MAX_POINTS
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import CHANGES, CREATES, READS, GivenHouse, GivenKey
from gradus.web.api.listing import GivenQuery, of_kind

router = APIRouter(prefix="/models", tags=["models"], route_class=StrictRoute)


@router.post("", status_code=201, responses=CREATES)
def create_model(house: GivenHouse, options: StrictBody[TrainingOptions], key: GivenKey, response: Response) -> Job:
    """Start a training. Its dataset may still be building."""
    job = models.create(house, options, key=key)
    response.headers["Location"] = f"/api/v1/models/{job.id}"
    return job


@router.get("", responses=READS)
def list_models(house: GivenHouse, query: GivenQuery) -> Page[Job]:
    """All models, the newest first."""
    return jobs.listing(house, of_kind(query, JobKind.MODEL))


@router.get("/{model_id}", responses=READS)
def get_model(house: GivenHouse, model_id: str) -> ModelView:
    """What was asked for, and what there is of it so far."""
    return models.view(house, model_id)


@router.patch("/{model_id}", responses=CHANGES)
def edit_model(house: GivenHouse, model_id: str, change: StrictBody[JobChange]) -> Job:
    """Change name, group or notes."""
    jobs.get(house, model_id, JobKind.MODEL)
    return jobs.edit(house, model_id, change)


@router.delete("/{model_id}", status_code=204, responses=CHANGES)
def delete_model(house: GivenHouse, model_id: str) -> None:
    """Remove it with its files."""
    jobs.get(house, model_id, JobKind.MODEL)
    jobs.delete(house, model_id)


@router.get("/{model_id}/series", responses=READS)
def get_series(
    house: GivenHouse, model_id: str, max_points: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 1000
) -> list[Series]:
    """Every scalar of the training, thinned out; peaks stay."""
    return models.series(house, model_id, max_points)


@router.get("/{model_id}/snapshots", responses=READS)
def list_snapshots(house: GivenHouse, model_id: str) -> list[Snapshot]:
    """The weights that were kept, the oldest first."""
    return models.snapshots(house, model_id)


@router.get("/{model_id}/log", responses=READS)
def get_log(
    house: GivenHouse,
    model_id: str,
    end: Annotated[
        int | None, Query(ge=0, le=2**53, description="Where the part ends; default: the log's end.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1 << 20)] = 1 << 16,
) -> LogPart:
    """The last part of what the worker printed."""
    jobs.get(house, model_id, JobKind.MODEL)
    return jobs.log(house, model_id, end=end, limit=limit)


@router.get("/{model_id}/network", responses=READS)
def get_network(house: GivenHouse, model_id: str, phase: Phase = "train") -> Graph:
    """Its network, drawn for its dataset."""
    return models.graph(house, model_id, phase)
