"""What a list of jobs asks for, and where a page of it ends."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Literal

from gradus.core.errors import InputError
from gradus.core.job import JobKind
from gradus.core.state import JobState

Sort = Literal["created", "name", "state", "group"]
MAX_LIMIT = 500


@dataclass(frozen=True)
class JobQuery:
    """Which jobs, in which order. Empty or None leaves a condition out.

    `created` orders by submission, which no jump of the clock disturbs. `cursor` is `Page.next` of the
    page before. `text` is looked for in the name, regardless of case.
    """

    kind: JobKind | None = None
    states: frozenset[JobState] = frozenset()
    text: str = ""
    group: str | None = None
    dataset_id: str | None = None
    sort: Sort = "created"
    descending: bool = True
    cursor: str | None = None
    limit: int = 50


def write_cursor(query: JobQuery, value: str, number: int) -> str:
    """Where a page ended: the sorted value and the number of its last row."""
    text = json.dumps([query.sort, query.descending, value, number])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(query: JobQuery) -> tuple[str, int] | None:
    """The value and number a page starts after; a cursor of another list is refused."""
    if query.cursor is None:
        return None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        sort, descending, value, number = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (binascii.Error, ValueError, TypeError, UnicodeError) as error:
        raise _bad_cursor() from error
    fits = (sort, descending) == (query.sort, query.descending)
    if not (fits and isinstance(value, str) and type(number) is int and 0 <= number < 2**63):
        raise _bad_cursor()
    return value, number


def _bad_cursor() -> InputError:
    return InputError("the cursor does not belong to this list", field="cursor", hint="start again without a cursor")
