"""New dataset of any kind: the form made of its model, the live example, and its sending."""

from __future__ import annotations

from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.credentials import Credentials
from gradus.core.dataset import DatasetOptions
from gradus.core.errors import GradusError, InputError
from gradus.core.form import shown_of
from gradus.core.view.preview import Example, Preview
from gradus.services import datasets, kinds, secrets
from gradus.services.forms import Findings
from gradus.services.house import House
from gradus.services.preview import PreviewOptions, example, preview
from gradus.web.pages.fields import layout
from gradus.web.pages.forms import Form, blank, filled, read
from gradus.web.pages.given import UPLOAD, Entered, GivenHouse, Unrestricted
from gradus.web.pages.render import render

router = APIRouter()
URL = "/datasets/new/{kind}"
M = TypeVar("M", bound=DatasetOptions)
IMPORT = "digits-import"  # of which a classification dataset may be made
NAMELESS = "example"  # in place of a name that has not been given yet


@router.get(URL)
def new(request: Request, house: GivenHouse, kind: str, clone: str = "", train: str = "") -> Response:
    """An empty form, or that of an earlier dataset."""
    if not clone:
        model = kinds.model_of(kind)
        return _show(request, house, kind, blank(model, **({"train": train} if "train" in model.model_fields else {})))
    options = datasets.options_of(house, clone)
    if options.type != kind:
        return RedirectResponse(f"/datasets/new/{options.type}?clone={clone}", status_code=307)
    name = f"{options.name} copy"
    if isinstance(options, ClassificationOptions) and options.method is Method.DIGITS:
        return _show(request, house, IMPORT, blank(kinds.model_of(IMPORT), folder=options.train, name=name))
    return _show(request, house, kind, filled(options, name=name))


@router.post(URL)
def create(request: Request, house: GivenHouse, kind: str, entered: Entered, unrestricted: Unrestricted) -> Response:
    """Create the dataset, or show the form again with what is wrong."""
    form, options = _read(house, kinds.model_of(kind), entered)
    if options is None:
        return _show(request, house, kind, _look_at_paths(house, form, unrestricted), status=422)
    try:
        job = datasets.create(house, options, unrestricted=unrestricted)
    except GradusError as error:
        return _show(request, house, kind, form.blame(error), status=error.status)
    return RedirectResponse(f"/datasets/{job.id}", status_code=303)


@router.post(f"{URL}/example")
def show_example(
    request: Request, house: GivenHouse, kind: str, entered: Entered, unrestricted: Unrestricted
) -> Response:
    """See example: a few samples as the dataset would hold them, and how many there are."""
    model = PreviewOptions if kind == kinds.CLASSIFICATION else kinds.model_of(kind)
    form, options = _read(house, model, entered | {"name": entered.get("name") or NAMELESS})
    found: Preview | Example | None = None
    try:
        if isinstance(options, PreviewOptions):
            found = preview(house, options, unrestricted=unrestricted)
        elif options is not None:
            found = example(house, options, unrestricted=unrestricted)
    except GradusError as error:
        form.blame(error)
    return render(
        request, "datasets/_example.html", kind=kinds.view_of(kind), form=form, asked=True,
        quietly=bool(entered.get("quietly")),
        preview=found if isinstance(found, Preview) else None, example=found if isinstance(found, Example) else None,
    )  # fmt: skip


def _look_at_paths(house: House, form: Form[DatasetOptions], unrestricted: bool) -> Form[DatasetOptions]:
    """Say what is wrong with the paths as well, so that everything can be corrected in one go."""
    findings = Findings()
    datasets.look_at_paths(house, form.model, form.values, findings, unrestricted=unrestricted)
    try:
        findings.finish()
    except GradusError as error:
        form.blame(error)
    return form


def _read(house: House, model: type[M], entered: dict[str, str]) -> tuple[Form[M], M | None]:
    """The form as entered; files that were sent take the place of paths, keys that of the reference to them."""
    findings = Findings()
    sent = {name.removesuffix(UPLOAD): kept for name, kept in entered.items() if name.endswith(UPLOAD) and kept}
    for name in (name for name, info in model.model_fields.items() if shown_of(info).keys):
        access, secret = (entered.get(f"{name}_{part}", "") for part in ("access_key", "secret_key"))
        if access or secret:
            with findings.collect():
                sent[name] = secrets.keep(house, _credentials(name, access, secret))
    form, options = read(model, entered | sent)
    try:
        findings.finish()
    except GradusError as error:
        form.blame(error)
        return form, None
    return form, options


def _credentials(field: str, access: str, secret: str) -> Credentials:
    try:
        return Credentials(access_key=access, secret_key=secret)
    except ValidationError:  # which could hold what was entered
        raise InputError("must be an access key and a secret key, without blanks", field=field) from None


def _show(request: Request, house: House, kind: str, form: Form[DatasetOptions], status: int = 200) -> Response:
    roots = [str(root) for root in house.roots]
    return render(
        request,
        "datasets/new.html",
        status=status,
        form=form,
        roots=roots,
        kind=kinds.view_of(kind),
        sections=layout(form.model),
    )
