"""What is installed: kinds of data, and plugins that do not load."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gradus.services import kinds
from gradus.web.pages.render import render

router = APIRouter()


@router.get("/plugins")
def plugins(request: Request) -> Response:
    """Every plugin with its kinds, or the error with which it does not load."""
    found = kinds.plugins()
    return render(
        request, "plugins.html", topics="", plugins=found, kinds={kind.id: kind for kind in kinds.listing()},
        broken=[plugin for plugin in found if plugin.error],
    )  # fmt: skip
