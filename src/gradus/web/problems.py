"""Errors as answers: RFC 9457 problem documents for programs, pages for people, never a trace for either."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gradus.core.errors import FormError, GradusError, Problem
from gradus.services.forms import problem_of
from gradus.web.http_problem import HttpProblemError
from gradus.web.middleware import Layer
from gradus.web.pages.errors import page_for

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = {429: 60, 503: 5}
_MESSAGES = {
    404: "there is nothing at this address",
    405: "that cannot be done here",
    413: "that is too large",
    415: "the body has a type that is not accepted here",
}


class ProblemDocument(BaseModel):
    """A problem as RFC 9457 writes it; `code`, `field`, `file`, `line`, `hint` and `errors` are ours."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    file: str | None = None
    line: int | None = None
    hint: str | None = None
    errors: list[Problem] = []


def answer(
    request: Request, status: int, found: Sequence[Problem], headers: Mapping[str, str] | None = None
) -> Response:
    """The response: a page for a browser on a page, a problem document for everything else."""
    more = dict(headers or {})
    if status in RETRY_SECONDS:
        more.setdefault("Retry-After", str(RETRY_SECONDS[status]))
    first = found[0]
    shown = first if len(found) == 1 else first.model_copy(update={"message": _joined(found)})
    response = page_for(request, shown, status)
    if response is None:
        body = document(status, found).model_dump_json(exclude_none=True)
        response = Response(body, status, media_type=MEDIA_TYPE)
    response.headers.update(more)
    return response


def document(status: int, found: Sequence[Problem]) -> ProblemDocument:
    """The problem document of one or several problems."""
    first = found[0]
    several = len(found) > 1
    return ProblemDocument(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=_joined(found) if several else first.message,
        code=FormError.code if several else first.code,
        field=None if several else first.field,
        file=None if several else first.file,
        line=None if several else first.line,
        hint=None if several else first.hint,
        errors=list(found) if several or first.field else [],
    )


def install(app: FastAPI) -> None:
    """Let the app answer every kind of exception this way."""
    app.add_exception_handler(GradusError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


class Unexpected(Layer):
    """Around the app: what nobody expected is logged in full under an id, and only the id is told."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except HttpProblemError as error:  # of the guards around the app, such as a body that is too large
            if started:
                raise
            await answer(Request(scope), error.status_code, error.found, error.headers)(scope, receive, send)
        except Exception:  # the boundary: whatever it is, the server goes on
            reference = secrets.token_hex(4)
            log.exception("error %s at %s %s", reference, scope["method"], scope["path"])
            if started:
                raise
            problem = Problem(
                code=GradusError.code,
                message=f"something went wrong inside Gradus (error {reference})",
                hint="the server's log tells more under this number",
            )
            await answer(Request(scope), 500, [problem])(scope, receive, send)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, GradusError)
    status = error.status
    if status == 500:
        log.error("%s %s: %s", request.method, request.url.path, error, exc_info=error)
    return answer(request, status, error.problems())


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_finding(details) for details in error.errors()]
    return answer(request, 422, list(dict.fromkeys(found)))


def _finding(details: dict[str, Any]) -> Problem:
    """One finding of FastAPI. The first part of its place is `body`, `query`, `path` or `header`."""
    place, *rest = details["loc"]
    kind = "missing" if place == "body" and not rest else details["type"]
    return problem_of(
        ErrorDetails(
            type=kind, loc=tuple(rest) or (str(place),), msg=details["msg"], input=None, ctx=details.get("ctx", {})
        )
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, HttpProblemError):
        return answer(request, error.status_code, error.found, error.headers)
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    code = re.sub(r"[^a-z]+", "_", phrase.lower())
    message = _MESSAGES.get(status) or (error.detail if status < 500 else phrase)
    return answer(request, status, [Problem(code=code, message=message)], error.headers)


def _joined(found: Sequence[Problem]) -> str:
    return "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in found)
