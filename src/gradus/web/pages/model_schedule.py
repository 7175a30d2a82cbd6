"""The learning rate of the model form, drawn while it is filled in; and what the form knows of solvers."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from gradus.core.errors import GradusError
from gradus.core.model import TrainingOptions
from gradus.core.solvers import POLICIES, SETTINGS, SOLVERS, LearningRatePolicy, SolverType, shown
from gradus.services.schedules import schedule
from gradus.web.pages.forms import Form, read
from gradus.web.pages.given import Entered

router = APIRouter()
TOLD = {"epochs", "solver", "policy", *SETTINGS}
RULE = "rate ÷ 100"  # the weight decay that DIGITS took


@router.post("/models/new/classification/schedule")
def draw(entered: Entered) -> Response:
    """The rate over the epochs, or what is wrong with the fields that it comes from."""
    known = {name: text for name, text in entered.items() if name in TOLD}
    form, options = read(TrainingOptions, {**known, "name": "drawn", "dataset": "none"})
    if options is not None:
        try:
            return JSONResponse({"problems": [], **schedule(options).model_dump()})
        except GradusError as error:
            form.blame(error)
    problems = [{"field": problem.field, "message": form.sentence(problem)} for problem in form.problems]
    return JSONResponse({"problems": problems, "epochs": [], "rates": []})


def choices() -> dict[str, dict[str, dict[str, str]]]:
    """What each solver and policy uses, and takes where nothing is given."""
    return {
        "solver": {
            kind.value: {name: shown(value) for name, value in choice.settings.items()}
            | {"weight_decay": RULE if choice.weight_decay is None else shown(choice.weight_decay)}
            for kind, choice in SOLVERS.items()
        },
        "policy": {
            kind.value: {name: shown(value) for name, value in choice.settings.items()}
            for kind, choice in POLICIES.items()
        },
    }


def used(form: Form[TrainingOptions]) -> dict[str, str]:
    """The settings that the chosen solver and policy use, with their own values; of the usual ones where none is."""
    known = choices()
    solver = known["solver"].get(form["solver"], known["solver"][SolverType.SGD])
    return solver | known["policy"].get(form["policy"], known["policy"][LearningRatePolicy.STEP])


def problematic(form: Form[TrainingOptions]) -> set[str]:
    """The settings with something wrong, which are then shown in any case."""
    return {problem.field for problem in form.problems if problem.field in SETTINGS}


@dataclass(frozen=True)
class Chosen:
    """The solver and policy of a model, and their settings, in words."""

    solver: str
    policy: str
    rate: float
    settings: list[tuple[str, str]]


def chosen(options: TrainingOptions) -> Chosen:
    """How a model learns, as its page says it."""
    titles = {name: info.title or name for name, info in TrainingOptions.model_fields.items()}
    used = options.used()
    settings = [(titles[name], shown(value) + UNITS.get(name, "")) for name, value in used.items()]
    settings.append((titles["weight_decay"], f"{shown(options.decay)} ({options.regularisation})"))
    if options.clip_gradients is not None:
        settings.append((titles["clip_gradients"], shown(options.clip_gradients)))
    return Chosen(SOLVERS[options.solver].title, POLICIES[options.policy].title, float(used["learning_rate"]), settings)


UNITS = {"step_percent": " %", "step_values": " %"}
TITLES: dict[str, list[tuple[str, str]]] = {
    "solver": [(kind.value, choice.title) for kind, choice in SOLVERS.items()],
    "policy": [(kind.value, choice.title) for kind, choice in POLICIES.items()],
}
