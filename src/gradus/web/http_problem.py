"""A problem that is raised as an exception of HTTP; what it is answered with is told by `gradus.web.problems`."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException

from gradus.core.errors import Problem


class HttpProblemError(HTTPException):
    """A problem with its status, raised where FastAPI lets only its own exceptions through."""

    def __init__(self, status: int, found: Sequence[Problem]) -> None:
        super().__init__(status)
        self.found = found
