"""Jobs are named on the command line by id, by the beginning of an id, or by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradus.core.errors import InputError, NotFoundError
from gradus.core.job import JOB_ID, Job, JobKind

if TYPE_CHECKING:
    from gradus.client import Client

SHORTEST_ID = 4  # characters of an id that are taken for one


def find_job(client: Client, text: str, kind: JobKind | None = None, *, sole: bool = False) -> Job:
    """The one job that `text` names; the newest where several have that name, unless it has to be `sole`."""
    if JOB_ID.fullmatch(text):
        job = client.jobs.get(text).job
        if kind is not None and job.kind != kind:
            raise InputError(f"{text} is a {job.kind.value}, not a {kind.value}")
        return job
    jobs = list(client.jobs.list(kind=kind.value if kind else None))
    named = [job for job in jobs if job.name == text]
    if sole and len(named) > 1:
        ids = ", ".join(job.id for job in named[:5])
        raise InputError(f"{len(named)} jobs are named {text!r}", hint=f"Give the id of the one that is meant: {ids}")
    if named:
        return named[0]  # lists are newest first
    begun = [job for job in jobs if len(text) >= SHORTEST_ID and job.id.startswith(text)]
    if len(begun) == 1:
        return begun[0]
    noun = kind.value if kind else "job"
    if begun:
        raise InputError(
            f"{text} is the beginning of {len(begun)} {noun}s",
            hint="Give more of the id: " + ", ".join(job.id for job in begun[:5]),
        )
    known = ", ".join(dict.fromkeys(job.name for job in jobs[:8]))
    raise NotFoundError(
        f"there is no {noun} with the id or name {text!r}",
        hint=f"There are: {known}." if known else f"There is no {noun} yet.",
    )
