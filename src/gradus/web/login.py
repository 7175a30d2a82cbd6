"""Signing in with a token, and out again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from gradus.core.errors import GradusError, Problem
from gradus.services.auth import Keys
from gradus.web.guards import cookie_name, local_target, signed_in
from gradus.web.pages.render import render

router = APIRouter(include_in_schema=False)


@router.get("/login")
def form(request: Request, next: str = "/") -> Response:
    """The form, or straight on for those who are signed in."""
    if request.state.signed_in:
        return RedirectResponse(local_target(next), 303)
    return _page(request, local_target(next))


@router.post("/login")
def sign_in(
    request: Request, token: Annotated[str, Form(max_length=512)] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Exchange the token for a session."""
    keys: Keys = request.app.state.house.keys
    target = local_target(next)
    if keys.open is not None:
        return RedirectResponse(target, 303)
    try:
        cookie, _ = keys.sign_in(token.strip(), request.client.host if request.client else "local")
    except GradusError as error:
        return _page(request, target, error.problem, error.status)
    return signed_in(request, cookie, target)


@router.post("/logout")
def sign_out(request: Request) -> Response:
    """Close the session."""
    keys: Keys = request.app.state.house.keys
    if request.state.caller.kind == "session":
        keys.sign_out(request.state.caller)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_name(request.scope), path="/", httponly=True, samesite="lax")
    return response


def _page(request: Request, target: str, problem: Problem | None = None, status: int = 200) -> Response:
    message = problem.message if problem else ""
    return render(request, "login.html", status=status, next=target, message=message, problem=problem, topics="")
