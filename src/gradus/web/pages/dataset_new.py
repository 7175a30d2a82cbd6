"""New classification dataset: the form, its live preview, and its sending."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gradus.core.classification import ClassificationOptions
from gradus.core.errors import GradusError
from gradus.core.view import Preview
from gradus.services import datasets
from gradus.services.forms import Findings
from gradus.services.house import House
from gradus.services.preview import PreviewOptions
from gradus.services.preview import preview as look
from gradus.web.pages.fields import layout
from gradus.web.pages.forms import Form, blank, filled, read
from gradus.web.pages.given import UPLOAD, Entered, GivenHouse, Unrestricted
from gradus.web.pages.render import render

router = APIRouter()
KIND = {"id": "classification", "title": "Image Classification", "summary": ""}
URL = "/datasets/new/classification"


@router.get(URL)
def new(request: Request, house: GivenHouse, clone: str = "", train: str = "") -> Response:
    """An empty form, or that of an earlier dataset."""
    if clone:
        options = datasets.class_options(house, clone)
        return _show(request, house, filled(options, name=f"{options.name} copy"))
    return _show(request, house, blank(ClassificationOptions, train=train))


@router.post(URL)
def create(request: Request, house: GivenHouse, entered: Entered, unrestricted: Unrestricted) -> Response:
    """Create the dataset, or show the form again with what is wrong."""
    form, options = read(ClassificationOptions, _with_files(entered))
    if options is None:
        return _show(request, house, _look_at_paths(house, form, unrestricted), status=422)
    try:
        job = datasets.create(house, options, unrestricted=unrestricted)
    except GradusError as error:
        return _show(request, house, form.blame(error), status=error.status)
    return RedirectResponse(f"/datasets/{job.id}", status_code=303)


@router.post(f"{URL}/example")
def example(request: Request, house: GivenHouse, entered: Entered, unrestricted: Unrestricted) -> Response:
    """See example: a few pictures as the dataset would hold them, and the classes with their counts."""
    preview: Preview | None = None
    form, asked = read(PreviewOptions, _with_files(entered))
    if asked is not None:
        try:
            preview = look(house, asked, unrestricted=unrestricted)
        except GradusError as error:
            form.blame(error)
    return render(request, "datasets/_example.html", preview=preview, form=form, asked=True)


def _look_at_paths(house: House, form: Form[ClassificationOptions], unrestricted: bool) -> Form[ClassificationOptions]:
    """Say what is wrong with the paths as well, so that everything can be corrected in one go."""
    findings = Findings()
    datasets.look_at_paths(house, form.model, form.values, findings, unrestricted=unrestricted)
    try:
        findings.finish()
    except GradusError as error:
        form.blame(error)
    return form


def _with_files(entered: dict[str, str]) -> dict[str, str]:
    """Files that were sent take the place of the paths beside them."""
    sent = {name.removesuffix(UPLOAD): kept for name, kept in entered.items() if name.endswith(UPLOAD) and kept}
    return {**entered, **sent}


def _show(request: Request, house: House, form: Form[ClassificationOptions], status: int = 200) -> Response:
    roots = [str(root) for root in house.roots]
    return render(
        request, "datasets/new.html", status=status, form=form, roots=roots, kind=KIND, shown=layout(form.model)
    )
