"""`/jobs`: datasets and models alike."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gradus.core.job import Job, JobKind
from gradus.core.view.job import JobView
from gradus.core.view.page import EventPage, Page
from gradus.services import jobs
from gradus.services.jobs import JobChange
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import CHANGES, READS, GivenHouse
from gradus.web.api.listing import GivenQuery, of_kind

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=StrictRoute)


@router.get("", responses=READS)
def list_jobs(house: GivenHouse, query: GivenQuery, kind: JobKind | None = None) -> Page[Job]:
    """All jobs, the newest first."""
    return jobs.listing(house, of_kind(query, kind))


@router.get("/{job_id}", responses=READS)
def get_job(house: GivenHouse, job_id: str) -> JobView:
    """One job with its course."""
    return jobs.view(house, job_id)


@router.patch("/{job_id}", responses=CHANGES)
def edit_job(house: GivenHouse, job_id: str, change: StrictBody[JobChange]) -> Job:
    """Change name, group or notes."""
    return jobs.edit(house, job_id, change)


@router.delete("/{job_id}", status_code=204, responses=CHANGES)
def delete_job(house: GivenHouse, job_id: str) -> None:
    """Remove it with its files. Refused while it is at work, or while others need it."""
    jobs.delete(house, job_id)


@router.post("/{job_id}/abort", responses=CHANGES)
def abort_job(house: GivenHouse, job_id: str) -> Job:
    """Stop it; what it has made so far stays."""
    return jobs.abort(house, job_id)


@router.post("/{job_id}/resume", responses=CHANGES)
def resume_job(house: GivenHouse, job_id: str) -> Job:
    """Go on with an aborted or failed job."""
    return jobs.resume(house, job_id)


@router.get("/{job_id}/events", responses=READS)
def list_events(
    house: GivenHouse,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only events with a higher number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=jobs.MAX_EVENTS)] = 1000,
) -> EventPage:
    """What its worker has said. A job that had ended has said all when a page comes back empty."""
    return jobs.events(house, job_id, after, limit)
