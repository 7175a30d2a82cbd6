"""The solver's part of the model form, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.model import TrainingOptions
from gradus.core.solvers import POLICIES, SETTINGS, SOLVERS
from gradus.services import datasets, models
from gradus.web.pages.model_schedule import choices, chosen

URL = "/models/new/classification"


@pytest.fixture
def browser(server: Any) -> Any:
    return server.browser()


@pytest.fixture
def dataset(server: Any, pictures: Any) -> str:
    options = ClassificationOptions(name="pets", train=str(pictures), width=8, height=8)
    return str(datasets.create(server.house, options).id)


def drawn(browser: Any, **entered: str) -> dict[str, Any]:
    answer = browser.post(f"{URL}/schedule", data={"epochs": "10", **entered})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_schedule_is_drawn_from_what_was_typed(browser: Any) -> None:
    curve = drawn(browser, solver="sgd", policy="multistep", step_values="20,60", gamma="", learning_rate="0.4")
    assert curve["problems"] == []
    rates = dict(zip(curve["epochs"], curve["rates"], strict=True))
    assert [rates[epoch] for epoch in (0, 1.5, 3, 5.5, 6.5, 10)] == pytest.approx([0.4, 0.4, 0.2, 0.2, 0.1, 0.1])


@pytest.mark.parametrize(
    ("entered", "field", "words"),
    [
        ({"policy": "multistep", "step_values": "50,20"}, "step_values", "Step Values must be percentages in rising"),
        ({"gamma": "-1"}, "gamma", "Gamma must be more than 0"),
        ({"learning_rate": "nan"}, "learning_rate", "Base Learning Rate must be a finite number"),
        ({"epochs": ""}, "epochs", "Training epochs must not be empty"),
        ({"solver": "<script>"}, "solver", "Solver type must be"),
    ],
)
def test_what_is_wrong_is_said_in_its_place(browser: Any, entered: dict[str, str], field: str, words: str) -> None:
    curve = drawn(browser, **entered)
    assert (curve["rates"], [p["field"] for p in curve["problems"]]) == ([], [field])
    assert curve["problems"][0]["message"].startswith(words)


class Settings(HTMLParser):
    """The settings of the page: whether each is in use, and its placeholder."""

    def __init__(self) -> None:
        super().__init__()
        self.used: dict[str, bool] = {}
        self.placeholders: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if name := given.get("data-setting"):
            self.used[name] = "is-unused" not in (given.get("class") or "")
        if tag == "input" and (given.get("id") or "") in self.used:
            self.placeholders[given["id"] or ""] = given.get("placeholder") or ""
            assert "disabled" not in given  # without scripts everything can be typed


def settings(text: str) -> Settings:
    found = Settings()
    found.feed(text)
    return found


def test_every_setting_is_in_the_form_and_those_in_use_are_marked(browser: Any) -> None:
    text = browser.get(URL).text
    found = settings(text)
    assert set(found.used) == {*SETTINGS, "weight_decay"}
    assert {name for name, used in found.used.items() if used} == {
        "learning_rate", "momentum", "step_percent", "gamma", "weight_decay",
    }  # fmt: skip
    assert found.placeholders["learning_rate"] == "0.01"
    assert "0.5 for multistep" in text  # said in words where there are no scripts
    for table in (SOLVERS, POLICIES):
        for choice in table.values():
            assert f">{choice.title}</option>" in text


def test_what_is_wrong_is_shown_although_it_is_not_in_use(browser: Any, dataset: str) -> None:
    sent = {"name": "m", "dataset": dataset, "solver": "adagrad", "momentum": "0.9", "network": "lenet"}
    answer = browser.post(URL, data=sent)
    assert answer.status_code == 422
    assert "Momentum is not used by the solver adagrad" in answer.text
    assert settings(answer.text).used["momentum"]


def test_a_form_that_is_left_alone_takes_the_solvers_own(browser: Any, server: Any, dataset: str) -> None:
    blank = dict.fromkeys(SETTINGS, "")
    sent = {"name": "m", "dataset": dataset, "network": "lenet", "solver": "adam", "policy": "poly", **blank}
    answer = browser.post(URL, data=sent, follow_redirects=False)
    assert answer.status_code == 303
    made = models.options_of(server.house, answer.headers["location"].rpartition("/")[2])
    assert (made.learning_rate, made.momentum, made.power, made.gamma) == (0.001, 0.9, 3.0, None)
    page = browser.get(answer.headers["location"]).text
    assert "Polynomial Decay" in page
    assert "Momentum 2" in page


def test_a_model_tells_its_solver_in_words() -> None:
    told = chosen(TrainingOptions(name="m", dataset="d", solver="rmsprop", step_percent=20, clip_gradients=3))
    assert (told.solver, told.policy, told.rate) == ("RMSProp", "Step Down", 0.001)
    assert told.settings == [
        ("Base Learning Rate", "0.001"), ("RMS decay value", "0.99"), ("Delta", "1e-08"), ("Step Size", "20 %"),
        ("Gamma", "0.1"), ("Weight decay", "1e-05 (L2)"), ("Clip gradients", "3"),
    ]  # fmt: skip


def test_the_table_for_scripts_has_every_solver_and_policy() -> None:
    known = choices()
    assert set(known["solver"]) == set(SOLVERS)
    assert set(known["policy"]) == set(POLICIES)
    assert known["solver"]["adadelta"]["weight_decay"] == "0.0005"
