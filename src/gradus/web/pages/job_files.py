"""What every job has: files that can be downloaded, and a log."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, PlainTextResponse

from gradus.core.job import Job
from gradus.services import job_files, jobs
from gradus.services.house import House
from gradus.web.pages.given import GivenHouse
from gradus.web.pages.story import story

router = APIRouter()
TAIL = 4000  # bytes of log shown with a failure
LOG_PART = 256 * 1024


@router.get("/datasets/{job_id}/files/{name:path}")
@router.get("/models/{job_id}/files/{name:path}")
def download(house: GivenHouse, job_id: str, name: str) -> Response:
    """One file, to be kept and never to be shown inside a page."""
    path = job_files.file(house, job_id, name)
    guard = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, filename=path.name, media_type="application/octet-stream", headers=guard)


@router.get("/datasets/{job_id}/log.txt")
@router.get("/models/{job_id}/log.txt")
def raw(house: GivenHouse, job_id: str) -> Response:
    """The end of a log, as it was written."""
    return PlainTextResponse(jobs.log(house, job_id, limit=LOG_PART).text)


def written(house: House, job: Job, last: int = 0) -> dict[str, Any]:
    """What a page with a job's log shows: the end of it, and its events, of which `last` is one of the last."""
    return {"part": jobs.log(house, job.id, limit=LOG_PART), "story": story(house, job.id, last)}
