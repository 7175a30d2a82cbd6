"""New classification model: the form with DIGITS' columns, the drawn network, and its sending."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from gradus.core.dataset import Split
from gradus.core.errors import GradusError, NetworkError, Problem
from gradus.core.model import TrainingOptions
from gradus.core.network import Graph, NetworkInput, Phase
from gradus.core.pace import Pace
from gradus.core.solvers import SOLVERS
from gradus.core.view.dataset import DatasetView
from gradus.services import datasets, devices, models, networks
from gradus.services.house import House
from gradus.web.pages import model_schedule
from gradus.web.pages.forms import Form, blank, filled, read
from gradus.web.pages.given import Entered, GivenHouse
from gradus.web.pages.render import render
from gradus.web.pages.words import PHASES, placed, sentence

router = APIRouter()
URL = "/models/new/classification"
CUSTOM = "custom"
TEXTS = ("network_text", "python_layers")  # what a custom network has of its own


@router.get(URL)
def new(request: Request, house: GivenHouse, clone: str = "", dataset: str = "") -> Response:
    """A form with defaults, or that of an earlier model."""
    if clone:
        options = models.options_of(house, clone)
        return _show(request, house, filled(options, name=f"{options.name} copy"))
    choices = datasets.choices(house)
    chosen = next((job for job in choices if job.id == dataset), choices[0] if choices else None)
    name = f"{chosen.name} LeNet"[:200] if chosen else ""
    return _show(request, house, blank(TrainingOptions, dataset=chosen.id if chosen else "", name=name))


@router.post(URL)
def create(request: Request, house: GivenHouse, entered: Entered) -> Response:
    """Create the model, or show the form again with what is wrong."""
    entered = _with_file(entered)
    form, options = read(TrainingOptions, _of_chosen_network(entered))
    form.values.update({name: entered.get(name, "") for name in TEXTS})
    if options is None:
        return _show(request, house, form, status=422)
    try:
        job = models.create(house, options)
    except GradusError as error:
        return _show(request, house, form.blame(error), status=error.status)
    return RedirectResponse(f"/models/{job.id}", status_code=303)


@router.get(f"{URL}/dataset")
def dataset_facts(request: Request, house: GivenHouse, dataset: str = "") -> Response:
    """The facts of the dataset that is chosen in the form."""
    return render(request, "models/_dataset.html", chosen=_chosen(house, dataset))


@router.post(f"{URL}/check")
def check(house: GivenHouse, entered: Entered) -> Response:
    """The network for this dataset, ready to be drawn, or what is wrong with it and in which line."""
    problems: list[Problem] = []
    graph: Graph | None = None
    view = _chosen(house, entered.get("dataset", ""))
    try:
        text = _text(house, entered)
        code = _of_chosen_network(_with_file(entered)).get("python_layers", "")
        given = _given(house, entered, view)
        graph = networks.draw(house, text, given, _phase(entered), strict=False, python_layers=code)
        problems = [graph.problem] if graph.problem else []
    except GradusError as error:
        problems = error.problems()
    facts = view.facts if view else None
    training = facts.split(Split.TRAIN) if facts else None
    epochs = _whole(entered.get("epochs"))
    iterations = None
    phase = _phase(entered)
    if graph and training and epochs and phase == "train":
        added = _whole(entered.get("batch_accumulation")) or 1
        iterations = Pace(
            epochs=epochs, train_count=training.count, batch_size=graph.batch_size, accumulation=added
        ).max_iter
    return JSONResponse(
        {
            "graph": graph.model_dump() if graph else None,
            "problems": [_said(problem) for problem in problems],
            "samples": training.count if training else None,
            "iterations": iterations,
            "memory": _memory(graph, entered.get("solver", "")) if graph and phase == "train" else None,
        }
    )


def _said(problem: Problem) -> dict[str, object]:
    hint = sentence(problem.hint) if problem.hint else None
    return {
        "message": placed(problem.message, problem.line),
        "hint": hint,
        "line": problem.line,
        "field": problem.field,
    }


def _of_chosen_network(entered: dict[str, str]) -> dict[str, str]:
    """A standard network has no text of its own, whatever still stands in the editor."""
    return entered if entered.get("network") == CUSTOM else {**entered, **dict.fromkeys(TEXTS, "")}


def _with_file(entered: dict[str, str]) -> dict[str, str]:
    """A file of Python layers that was sent along takes the place of what stands in the field."""
    sent = entered.get("python_layers_file", "")
    return {**entered, "python_layers": sent} if sent else entered


def _text(house: House, entered: dict[str, str]) -> str:
    if entered.get("network") != CUSTOM:
        return networks.entry(house, entered.get("network", "")).text
    text = entered.get("network_text", "")
    if not text.strip():
        raise NetworkError(
            "The custom network is empty.",
            field="network_text",
            hint="Write a prototxt, or choose a standard network and press Customize.",
        )
    return text


def _given(house: House, entered: dict[str, str], view: DatasetView | None) -> NetworkInput:
    """What the network is compiled for: the chosen dataset, or what a standard network was made for."""
    batch, crop = _whole(entered.get("batch_size")), _whole(entered.get("crop_size"))
    if view:
        return models.given(house, view.job.id, batch_size=batch, crop_size=crop)
    entry = next((e for e in networks.catalogue(house) if e.id == entered.get("network")), None)
    width, height, channels = (entry.width, entry.height, entry.channels) if entry else (256, 256, 3)
    return NetworkInput(width=width, height=height, channels=channels, classes=10, batch_size=batch, crop_size=crop)


def _phase(entered: dict[str, str]) -> Phase:
    return next((phase for phase in PHASES if phase == entered.get("phase")), "train")


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= 10**6 else None


def _memory(graph: Graph, solver: str) -> int:
    """Bytes that training takes, roughly: values and their gradients, parameters with gradient and history."""
    histories = next((choice.histories for kind, choice in SOLVERS.items() if kind.value == solver), 1)
    values = 0
    for node in graph.nodes:
        for shape in node.shapes:
            size = 1
            for side in shape:
                size *= side
            values += size
    return 4 * (2 * values + (2 + histories) * graph.parameters)


def _chosen(house: House, dataset: str) -> DatasetView | None:
    try:
        return datasets.view(house, dataset) if dataset else None
    except GradusError:
        return None


def _show(request: Request, house: House, form: Form[TrainingOptions], status: int = 200) -> Response:
    chosen = _chosen(house, form["dataset"])
    return render(
        request,
        "models/new.html",
        status=status,
        form=form,
        datasets=datasets.choices(house),
        chosen=chosen,
        networks=networks.catalogue(house),
        devices=devices.devices(house),
        titles=model_schedule.TITLES,
        choices=model_schedule.choices(),
        used=model_schedule.used(form),
        wrong=model_schedule.problematic(form),
        phases=PHASES,
    )
