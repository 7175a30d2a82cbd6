"""The query of a list of jobs, the same for datasets, models and all."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query

from gradus.core.job import JobKind
from gradus.core.state import JobState
from gradus.jobs.query import JobQuery, Sort
from gradus.web.api.common import Cursor, Limit


def _query(
    state: Annotated[list[JobState] | None, Query(description="Only these; may be repeated.")] = None,
    q: Annotated[str, Query(max_length=200, description="Part of the name.")] = "",
    group: Annotated[str | None, Query(max_length=200)] = None,
    sort: Sort = "created",
    descending: bool = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> JobQuery:
    return JobQuery(
        states=frozenset(state or ()), text=q, group=group, sort=sort, descending=descending, cursor=cursor or None,
        limit=limit,
    )  # fmt: skip


GivenQuery = Annotated[JobQuery, Depends(_query)]


def of_kind(query: JobQuery, kind: JobKind | None) -> JobQuery:
    """The query, for one kind of job."""
    return replace(query, kind=kind)
