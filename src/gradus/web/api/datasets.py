"""`/datasets`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import FileResponse

from gradus.core.dataset import BadFile, Order, Split
from gradus.core.errors import InputError
from gradus.core.flaw import Flaw, SampleFlaw
from gradus.core.generic import GenericOptions
from gradus.core.job import Job, JobKind
from gradus.core.view.dataset import DatasetView
from gradus.core.view.page import Page
from gradus.core.view.preview import Example, Preview
from gradus.core.view.sample import SampleView
from gradus.services import datasets, jobs, samples
from gradus.services.jobs import JobChange
from gradus.services.preview import PreviewOptions, example, preview
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import (
    CHANGES,
    CREATES,
    READS,
    Cursor,
    GivenCaller,
    GivenHouse,
    GivenKey,
    Limit,
    position,
)
from gradus.web.api.kinds import AnyOptions
from gradus.web.api.listing import GivenQuery, of_kind

router = APIRouter(prefix="/datasets", tags=["datasets"], route_class=StrictRoute)


@router.post("", status_code=201, responses=CREATES)
def create_dataset(
    house: GivenHouse,
    caller: GivenCaller,
    options: AnyOptions,
    key: GivenKey,
    response: Response,
) -> Job:
    """Start building a dataset of any kind, from what lies on the server's machine or was sent to it."""
    job = datasets.create(house, options, unrestricted=caller.unrestricted, key=key)
    response.headers["Location"] = f"/api/v1/datasets/{job.id}"
    return job


@router.get("", responses=READS)
def list_datasets(house: GivenHouse, query: GivenQuery) -> Page[Job]:
    """All datasets, the newest first."""
    return jobs.listing(house, of_kind(query, JobKind.DATASET))


@router.post("/preview", responses=CREATES)
def preview_dataset(house: GivenHouse, caller: GivenCaller, options: StrictBody[PreviewOptions]) -> Preview:
    """Count the classes of a folder, and bring a few of its pictures to size. Nothing is kept."""
    return preview(house, options, unrestricted=caller.unrestricted)


@router.post("/example", responses=CREATES)
def example_of_dataset(house: GivenHouse, caller: GivenCaller, options: AnyOptions) -> Example:
    """See what a dataset of any kind but classification would be made of. Nothing is kept."""
    if not isinstance(options, GenericOptions):
        raise InputError("is looked at by /datasets/preview", field="type")
    return example(house, options, unrestricted=caller.unrestricted)


@router.get("/{dataset_id}", responses=READS)
def get_dataset(house: GivenHouse, dataset_id: str) -> DatasetView:
    """What was asked for, what was built, and which models use it."""
    return datasets.view(house, dataset_id)


@router.patch("/{dataset_id}", responses=CHANGES)
def edit_dataset(house: GivenHouse, dataset_id: str, change: StrictBody[JobChange]) -> Job:
    """Change name, group or notes."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    return jobs.edit(house, dataset_id, change)


@router.delete("/{dataset_id}", status_code=204, responses=CHANGES)
def delete_dataset(house: GivenHouse, dataset_id: str) -> None:
    """Remove it with its files. Refused while models use it; they are named."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    jobs.delete(house, dataset_id)


@router.get("/{dataset_id}/samples", responses=READS)
def list_samples(
    house: GivenHouse,
    dataset_id: str,
    split: Split = Split.TRAIN,
    label: Annotated[int | None, Query(ge=0, le=10**9, description="Only of the class with this index.")] = None,
    problem: Annotated[SampleFlaw | None, Query(description="Only those with which this is wrong.")] = None,
    order: Annotated[Order | None, Query(description="By a measure; with - the greatest first.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[SampleView]:
    """Records of one database."""
    flaw = None if problem is None else Flaw(problem)
    return samples.listing(
        house, dataset_id, split, label=label, problem=flaw, order=order, offset=position(cursor), limit=limit
    )


@router.get(
    "/{dataset_id}/samples/{split}/{index}.png",
    response_class=Response,
    responses={**READS, 200: {"content": {"image/png": {}}, "description": "The record as a picture."}},
)
def get_sample(house: GivenHouse, dataset_id: str, split: Split, index: int) -> Response:
    """One record as a picture, made anew from its pixels."""
    return Response(samples.picture(house, dataset_id, split, index), media_type="image/png")


@router.get(
    "/{dataset_id}/samples/{split}/{index}/label.png",
    response_class=Response,
    responses={**READS, 200: {"content": {"image/png": {}}, "description": "A mask, or the picture to be made."}},
)
def get_sample_label(house: GivenHouse, dataset_id: str, split: Split, index: int) -> Response:
    """The label of one record, where it is a mask (in the colours of its classes) or a picture."""
    return Response(samples.label_picture(house, dataset_id, split, index), media_type="image/png")


@router.get("/{dataset_id}/unreadable", responses=READS)
def list_unreadable(house: GivenHouse, dataset_id: str, cursor: Cursor = None, limit: Limit = 100) -> Page[BadFile]:
    """The files that could not be used, with the reasons."""
    return datasets.unreadable(house, dataset_id, offset=position(cursor), limit=limit)


@router.get(
    "/{dataset_id}/mean.jpg",
    response_class=FileResponse,
    responses={**READS, 200: {"content": {"image/jpeg": {}}, "description": "The mean picture."}},
)
def get_mean(house: GivenHouse, dataset_id: str) -> FileResponse:
    """The mean of all pictures of the training set."""
    return FileResponse(datasets.mean_picture(house, dataset_id), media_type="image/jpeg")
