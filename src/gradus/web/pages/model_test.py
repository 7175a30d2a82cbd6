"""Test: what a model says of pictures that are uploaded, dropped, pasted or named by path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import UploadFile

from gradus.core.errors import GradusError, InputError, Problem
from gradus.core.view.model import PredictionResult
from gradus.services import models, predictions
from gradus.services.house import House
from gradus.services.predictions import Upload
from gradus.web.pages.given import GivenHouse, Unrestricted
from gradus.web.pages.models import show
from gradus.web.pages.render import render

router = APIRouter()
MOST_PICTURES = 16
TOP_CHOICES = (1, 3, 5, 10)


@dataclass(frozen=True)
class Asked:
    """What the form of the Test tab was sent with."""

    pictures: list[Upload | str]
    path: str = ""
    snapshot: str = ""
    top: int = 5


async def _asked(request: Request) -> Asked:
    async with request.form(max_files=MOST_PICTURES + 1) as form:
        sent = [item for item in form.getlist("image") if isinstance(item, UploadFile) and item.filename]
        pictures: list[Upload | str] = [Upload((item.filename or "")[-200:], await item.read()) for item in sent]
        path = str(form.get("path") or "").strip()
        top = str(form.get("top") or "5")
        return Asked(
            pictures=[*pictures, path] if path else pictures,
            path=path,
            snapshot=str(form.get("snapshot") or ""),
            top=int(top) if top in map(str, TOP_CHOICES) else 5,
        )


@router.get("/models/{job_id}/test")
def test(request: Request, house: GivenHouse, job_id: str, snapshot: str = "") -> Response:
    """The form; results appear beside it."""
    return _page(request, house, job_id, Asked([], snapshot=snapshot), [], [])


@router.post("/models/{job_id}/test")
def classify(
    request: Request, house: GivenHouse, job_id: str, asked: Annotated[Asked, Depends(_asked)], free: Unrestricted
) -> Response:
    """Classify what was sent: the whole page, or only the results for a script."""
    results: list[PredictionResult] = []
    problems: list[Problem] = []
    try:
        if not asked.pictures:
            raise InputError("There is no picture to classify.", hint="Choose, drop or paste one, or name a path.")
        if len(asked.pictures) > MOST_PICTURES:
            raise InputError(f"These are {len(asked.pictures)} pictures; at most {MOST_PICTURES} go at once.")
        results = predictions.predict(
            house, job_id, asked.pictures, snapshot=asked.snapshot or None, top=asked.top, unrestricted=free
        )
    except GradusError as error:
        problems = error.problems()
    if "hx-request" in request.headers:
        return render(request, "models/_results.html", results=results, problems=problems)
    return _page(request, house, job_id, asked, results, problems)


def _page(
    request: Request, house: House, job_id: str, asked: Asked, results: list[PredictionResult], problems: list[Problem]
) -> Response:
    view = models.view(house, job_id)
    status = 422 if problems else 200
    return show(
        request, house, view, "test", status=status, asked=asked, results=results, problems=problems, tops=TOP_CHOICES
    )
