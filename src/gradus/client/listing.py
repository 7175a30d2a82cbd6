"""Lists that come in pages, read as one."""

from __future__ import annotations

from collections.abc import Iterator

from gradus.client.transport import Query, Transport
from gradus.core.job import Job
from gradus.core.view.page import Page


def jobs_of(transport: Transport, path: str, query: Query) -> Iterator[Job]:
    """Every job of a list, newest first; the next page is asked for when it is needed."""
    cursor: str | None = None
    while True:
        page = transport.get(path, Page[Job], {**query, "cursor": cursor})
        yield from page.items
        if page.next is None:
            return
        cursor = page.next
