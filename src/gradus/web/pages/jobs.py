"""The queue, and what can be done with any job: abort, resume, rename, notes, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gradus.core.state import ACTIVE, ENDED, JobState
from gradus.jobs.query import JobQuery
from gradus.services import forms, jobs
from gradus.services.jobs import JobChange
from gradus.web.pages.given import Entered, GivenHouse, local_path
from gradus.web.pages.render import job_url, render
from gradus.web.pages.results import result

router = APIRouter()
FINISHED_SHOWN = 50


@router.get("/jobs")
def queue(request: Request, house: GivenHouse) -> Response:
    """What runs, what waits and for what, and what has ended lately."""

    def in_state(states: frozenset[JobState], limit: int) -> JobQuery:
        return JobQuery(states=states, limit=limit)

    running = jobs.listing(house, in_state(frozenset(ACTIVE), 100)).items
    waiting = [
        job.model_copy(update={"activity": jobs.place(house, job)})
        for job in reversed(jobs.listing(house, in_state(frozenset({JobState.WAITING}), 100)).items)
    ]
    finished = jobs.listing(house, in_state(frozenset(ENDED), FINISHED_SHOWN)).items
    sections = [
        ("Running", running, "Nothing runs. Make a dataset or a model with New, above."),
        ("Waiting", waiting, "Nothing waits."),
        ("Finished", finished, "Nothing has ended yet."),
    ]
    return render(
        request,
        "jobs/list.html",
        topics="jobs",
        sections=sections,
        results={job.id: result(house, job) for job in finished},
    )


@router.get("/jobs/{job_id}")
def job(house: GivenHouse, job_id: str) -> Response:
    """Old and short addresses lead to the page of the job's kind."""
    return RedirectResponse(job_url(jobs.get(house, job_id)), status_code=303)


@router.post("/datasets/{job_id}/abort")
@router.post("/models/{job_id}/abort")
def abort(house: GivenHouse, job_id: str, entered: Entered) -> Response:
    """Stop a job; it can be resumed."""
    stopped = jobs.abort(house, job_id)
    return RedirectResponse(local_path(entered.get("back"), job_url(stopped)), status_code=303)


@router.post("/datasets/{job_id}/resume")
@router.post("/models/{job_id}/resume")
def resume(house: GivenHouse, job_id: str) -> Response:
    """Go on where a job stopped."""
    return RedirectResponse(job_url(jobs.resume(house, job_id)), status_code=303)


@router.post("/datasets/{job_id}/edit")
@router.post("/models/{job_id}/edit")
def edit(house: GivenHouse, job_id: str, entered: Entered) -> Response:
    """Another name, group or notes."""
    change: dict[str, object] = {name: entered[name] for name in ("name", "notes", "group") if name in entered}
    changed = jobs.edit(house, job_id, forms.read(JobChange, change))
    return RedirectResponse(local_path(entered.get("back"), job_url(changed)), status_code=303)


@router.post("/datasets/{job_id}/delete")
@router.post("/models/{job_id}/delete")
def delete(house: GivenHouse, job_id: str) -> Response:
    """Delete a job with its files; a dataset that models use is refused with their names."""
    job = jobs.get(house, job_id)
    jobs.delete(house, job_id)
    return RedirectResponse(f"/?tab={job.kind.value}s", status_code=303)
