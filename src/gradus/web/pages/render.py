"""From a template's name and values to an HTML answer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from gradus import __version__
from gradus.core.job import Job
from gradus.core.state import ACTIVE, ENDED, JobState
from gradus.services import kinds
from gradus.web.pages import words
from gradus.web.pages.static import static_url

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


@cache
def environment() -> Environment:
    """The one Jinja environment: everything is escaped, an undefined name is an error."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        count=words.count, size=words.size, short=words.short, span=words.span, figure=words.figure,
        percent=words.percent, iso=words.iso, clock=words.clock, sentence=words.sentence, placed=words.placed,
    )  # fmt: skip
    env.globals.update(
        static_url=static_url, version=__version__, taken=words.taken, left=words.left, job_url=job_url,
        STATE_WORDS=words.STATE_WORDS, STATE_ICONS=words.STATE_ICONS, ACTIVE=ACTIVE, ENDED=ENDED, JobState=JobState,
        SPLITS=words.SPLITS, heading=words.heading,
    )  # fmt: skip
    env.globals["ui"] = env.get_template("_partials/parts.html").module
    return env


def job_url(job: Job) -> str:
    """The page of a job: that of its dataset or model."""
    return f"/{job.kind.value}s/{job.id}"


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Answer with a page. Pages are not kept by the browser: they show what is true now."""
    house = getattr(request.app.state, "house", None)
    base = "hx-request" not in request.headers
    shell = {
        "layout": "base.html" if base else "fragment.html",
        "path": request.url.path,
        "csrf": getattr(request.state, "csrf", ""),
        "signed_in": getattr(request.state, "signed_in", house is not None),
        "menu": kinds.listing() if base else [],
        "topics": values.pop("topics", "jobs"),
        "after": values.pop("after", ""),
    }
    text = environment().get_template(template).render({**shell, **values})
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store", "Vary": "HX-Request"})
