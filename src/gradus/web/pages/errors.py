"""Errors as pages, for those who look with a browser."""

from __future__ import annotations

from fastapi import Request, Response

from gradus.core.errors import GradusError, Problem
from gradus.web.pages.render import render

_TITLES = {
    400: "That request makes no sense here",
    401: "Please sign in",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "Not possible right now",
    413: "That is too large",
    422: "Something in it cannot be used",
    429: "Too many tries",
    500: "Something went wrong in Gradus",
    503: "Not available right now",
    507: "The disk is full",
}


def wants_page(request: Request) -> bool:
    """Whether the one who asks reads HTML: a browser on one of the pages."""
    path = request.url.path
    if path.startswith(("/api/", "/static/", "/events")) or path in {"/healthz", "/readyz", "/metrics"}:
        return False
    return "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers


def page_for(request: Request, found: Problem | GradusError, status: int) -> Response | None:
    """The page of an error, or None for programs, which get a problem document instead."""
    if not wants_page(request):
        return None
    problem = found.problem if isinstance(found, GradusError) else found
    title = _TITLES.get(status, _TITLES[500])
    return render(request, "error.html", status=status, title=title, problem=problem, status_code=status, topics="")
