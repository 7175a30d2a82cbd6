"""The files of a form, as they come in: there is room for them, or they are refused before the first byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import Request
from starlette.datastructures import FormData

from gradus.core.errors import Problem
from gradus.data.files import writing
from gradus.services.house import House
from gradus.web.http_problem import HttpProblemError

MOST_BYTES = 8 << 20  # of one field that is no file; the shield in front lets even less through
MOST_FILES = 20


@asynccontextmanager
async def received(request: Request, house: House) -> AsyncIterator[FormData]:
    """The form of a request. What was received of its files is gone from the disk when the block ends."""
    if not request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form(max_part_size=MOST_BYTES) as form:
            yield form
        return
    length = request.headers.get("content-length")
    if length is None:
        late = Problem(code="length_required", message="the length of the files must be said in front", hint="send it")
        raise HttpProblemError(411, [late])
    await run_sync(house.room.take, int(length))
    try:
        with writing("what is sent", house.home.path):
            async with request.form(max_part_size=MOST_BYTES, max_files=MOST_FILES) as form:
                yield form
    finally:
        house.room.give_back(int(length))
