"""What the routes of the API share: the house, the caller, problems they declare, and keys of repeated requests."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request

from gradus.core.errors import InputError
from gradus.jobs.store import IdempotencyKey
from gradus.services.auth import Caller
from gradus.services.house import House
from gradus.services.jobs import idempotency_key
from gradus.web.problems import ProblemDocument

_REASONS = {
    400: "The request is malformed.",
    401: "The caller is not known.",
    403: "Not allowed: outside the data roots, or sent by another web page.",
    404: "There is no such thing.",
    409: "Not possible in the present state; what is in the way is named.",
    411: "The length of the body is not said in front.",
    413: "The body is too large.",
    415: "The body has the wrong type.",
    422: "What was given cannot be used; `errors` names the fields.",
    429: "Too many wrong tokens.",
    503: "Not possible at the moment; try again.",
    507: "The disk is full.",
}
_ALWAYS = (400, 401, 403, 422, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: the problems that every route may answer, and these."""
    return {
        status: {"model": ProblemDocument, "description": _REASONS[status]} for status in sorted({*_ALWAYS, *statuses})
    }


READS = problems(404)
CREATES = problems(404, 409, 413, 415, 507)
CHANGES = problems(404, 409, 413, 415, 507)


def _house(request: Request) -> House:
    house = request.app.state.house
    assert isinstance(house, House)
    return house


def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


async def _key(
    request: Request, idempotency_key_header: Annotated[str | None, Header(alias="Idempotency-Key")] = None
) -> IdempotencyKey | None:
    """A request with a key that was used before is answered with what it made then (within a day)."""
    if idempotency_key_header is None:
        return None
    text = idempotency_key_header.strip()
    if not 1 <= len(text) <= 200 or not text.isascii() or not text.isprintable():
        raise InputError("must be 1 to 200 printable ASCII characters", field="Idempotency-Key")
    caller = _caller(request)
    owner = caller.kind if caller.kind == "session" else caller.digest
    return idempotency_key(text, request.url.path, owner, await request.body())


def position(cursor: str | None) -> int:
    """The place a numbered cursor stands for."""
    if cursor is None or cursor == "":
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 15:
        message = "the cursor does not belong to this list"
        raise InputError(message, field="cursor", hint="start again without a cursor")
    return int(cursor)


GivenHouse = Annotated[House, Depends(_house)]
GivenCaller = Annotated[Caller, Depends(_caller)]
GivenKey = Annotated[IdempotencyKey | None, Depends(_key)]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500)]
