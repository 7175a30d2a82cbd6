"""JSON bodies, read strictly: a number is a number, a name comes once, and nothing is not finite.

FastAPI reads a body with Python's parser, which accepts NaN, repeated names and any depth, and then turns
text into numbers where it can. A form has to; a program that sends "0x10" or a full-width digit is told.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from gradus.core.errors import FormError, InputError, Problem
from gradus.services.forms import problems
from gradus.web.http_problem import HttpProblemError

MAX_DIGITS = 100
MAX_DEPTH = 64
_BROKEN = re.compile("[\ud800-\udfff]")  # half a character, which JSON can write and UTF-8 cannot
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class _NoNumber:
    """What stands where a number should: kept until the name in front of it is known."""

    why: str


class _AsJson:
    """Validates a model as strictly as pydantic reads JSON; the schema stays the model's."""

    def __get_pydantic_core_schema__(self, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(lambda value, _: strictly(source, value), handler(source))


def strictly(model: type[T], value: object) -> T:
    """The model of parsed JSON, read as strictly as pydantic reads JSON."""
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:  # FastAPI's own finding would not say what concerns several fields
        raise FormError(p.model_copy(update={"field": p.field or "body"}) for p in problems(error, model)) from error


StrictBody = Annotated[T, _AsJson()]


class StrictRequest(Request):
    """A request whose JSON is read by `parse`."""

    async def json(self) -> Any:
        """The body as JSON."""
        return parse(await self.body())


class StrictRoute(APIRoute):
    """A route that takes JSON only as JSON, and only well-formed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given our request in place of the plain one."""
        handler = super().get_route_handler()
        takes_json = self.body_field is not None and "application/json" in _media_types(self)

        async def handle(request: Request) -> Response:
            if takes_json and not _is_json(request):
                message = "the body must be JSON, sent with Content-Type: application/json"
                raise HttpProblemError(415, [Problem(code="unsupported_media_type", message=message)])
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def parse(body: bytes) -> Any:
    """JSON as RFC 8259 has it, without repeated names; a problem with the line otherwise (400)."""
    try:
        value = json.loads(
            body, object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole, parse_float=_number
        )
    except HttpProblemError:
        raise
    except json.JSONDecodeError as error:
        _refuse(f"the body is not valid JSON: {error.msg} at line {error.lineno}", error.lineno)
    except (RecursionError, UnicodeDecodeError, ValueError):
        _refuse("the body is not valid JSON")
    if not _shallow(value, MAX_DEPTH):
        _refuse("the JSON is nested too deeply")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        _refuse(f"{twice[:100]!r} is there twice")
    for name, value in pairs:
        if isinstance(value, _NoNumber):
            _refuse(value.why, field=name)
        if isinstance(value, str) and not value.isascii() and _BROKEN.search(value):
            broken = Problem(code=InputError.code, message="must be text without broken characters", field=name)
            raise HttpProblemError(422, [broken])
    return found


def _constant(text: str) -> _NoNumber:
    return _NoNumber(f"{text} is not a JSON number")


def _whole(text: str) -> int | _NoNumber:
    return int(text) if len(text) <= MAX_DIGITS else _NoNumber("a number has too many digits")


def _number(text: str) -> float | _NoNumber:
    value = float(text)
    return value if value - value == 0 else _NoNumber(f"{text[:30]} is too large for a number")


def _refuse(message: str, line: int | None = None, field: str | None = None) -> NoReturn:
    raise HttpProblemError(400, [Problem(code="malformed_json", message=message, line=line, field=field)])


def _shallow(value: object, depth: int) -> bool:
    if isinstance(value, _NoNumber):
        _refuse(value.why)
    if not isinstance(value, dict | list):
        return True
    if depth == 0:
        return False
    parts = value.values() if isinstance(value, dict) else value
    return all(_shallow(part, depth - 1) for part in parts)


def _media_types(route: APIRoute) -> set[str]:
    info = route.body_field.field_info if route.body_field else None
    return {getattr(info, "media_type", "application/json")}


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
