"""Jobs by id, by the beginning of an id, by name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gradus.cli.finding import find_job
from gradus.cli.output import plain
from gradus.core.errors import InputError
from gradus.core.job import Job, JobKind
from gradus.core.state import JobState

NEW, OLD = "20260102-000000-0123456789", "20260101-000000-0123456789"


@pytest.fixture
def client() -> Any:
    jobs = [
        Job(id=one, kind=JobKind.MODEL, type="classification", name="twin", state=JobState.DONE, created=0.0)
        for one in (NEW, OLD)
    ]
    return SimpleNamespace(
        jobs=SimpleNamespace(
            list=lambda kind: jobs, get=lambda one: next(SimpleNamespace(job=j) for j in jobs if j.id == one)
        )
    )


def test_the_newest_of_several_is_looked_at_but_never_changed_by_its_name(client: Any) -> None:
    assert find_job(client, "twin").id == NEW
    with pytest.raises(InputError, match="2 jobs are named 'twin'") as caught:
        find_job(client, "twin", sole=True)
    assert NEW in str(caught.value.problem.hint)
    assert OLD in str(caught.value.problem.hint)
    assert find_job(client, OLD, sole=True).id == OLD
    assert find_job(client, "20260101", sole=True).id == OLD


def test_no_text_steers_the_terminal() -> None:
    assert plain("a\x1b[31mb\x9bc\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c\n"
