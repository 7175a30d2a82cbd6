"""The form of every kind that is installed: a new plugin is tested here without a line."""

import html
import re
from html.parser import HTMLParser

import pytest

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.form import choices_of, fields_of, shown_of, types_of
from gradus.services import kinds
from gradus.web.pages.fields import layout
from gradus.web.pages.forms import blank, filled
from gradus.web.pages.render import environment

KINDS = [kind.id for kind in kinds.listing()]
ODD = 'odd "><b>'


class Inputs(HTMLParser):
    """What a form holds: the values that are sent for each name, and the text of each label and hint."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.labels: set[str] = set()
        self.ids: set[str] = set()
        self.checked: dict[str, str] = {}
        self._select = ""
        self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        name = given.get("name", "")
        if tag == "label" and "for" in given:
            self.labels.add(given["for"])
        if tag == "input" and given.get("type") in ("radio", "checkbox"):
            self.values.setdefault(name, "")
            if "checked" in given:
                self.values[name] = given.get("value", "on")
        elif tag == "input" and name:
            self.values[name] = given.get("value", "")
        elif tag == "select":
            self._select = name
            self.values[name] = ""
        elif tag == "option" and self._select and "selected" in given:
            self.values[self._select] = given["value"]
        elif tag == "textarea":
            self._area = name
            self.values[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._select = self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data.removeprefix("\n") if not self.values[self._area] else data


def shown_fields(kind: str) -> dict[str, object]:
    return {name: info for name, info in fields_of(kinds.model_of(kind)).items() if not shown_of(info).hidden}


@pytest.fixture
def browser(server):
    return server.browser()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_there_with_label_help_and_default(browser, kind) -> None:
    answer = browser.get(f"/datasets/new/{kind}")
    assert answer.status_code == 200
    inputs = Inputs(answer.text)
    usual = blank(kinds.model_of(kind))
    words = html.unescape(answer.text)
    for name, info in shown_fields(kind).items():
        assert inputs.values[name] == usual[name], name
        assert name in inputs.ids or name in inputs.labels
        assert info.title, f"{name} has no title"
        assert info.description, f"{name} has no description"
        assert info.title in words
        assert info.description in words
    for name, info in fields_of(kinds.model_of(kind)).items():
        assert not shown_of(info).hidden or name not in inputs.values


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_form_keeps_every_field(browser, kind) -> None:
    sent: dict[str, str] = {}
    for name, info in shown_fields(kind).items():
        choices = [value for value in shown_of(info).words if value] or choices_of(info.annotation)
        types = set(types_of(info.annotation))
        sent[name] = choices[-1] if choices else "false" if bool in types else ODD
    answer = browser.post(f"/datasets/new/{kind}", data=sent | {"seed": "no number"})
    assert answer.status_code == 422
    inputs = Inputs(answer.text)
    assert {name: inputs.values[name] for name in sent} == sent | {"seed": "no number"}
    assert '<a href="#seed">' in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_under_a_condition_names_a_field_of_the_form(kind) -> None:
    model = kinds.model_of(kind)
    for name, info in shown_fields(kind).items():
        for decides, *values in filter(None, (shown_of(info).when, shown_of(info).file_when)):
            assert decides in model.model_fields, name
            possible = choices_of(model.model_fields[decides].annotation) or ("true", "false")
            assert set(values) <= set(possible), name
        assert set(shown_of(info).words) <= {*choices_of(info.annotation), "true", "false"}, name


def test_an_unknown_kind_is_told_with_those_that_there_are(browser) -> None:
    for answer in (browser.get("/datasets/new/no-such-kind"), browser.post("/datasets/new/no-such-kind", data={})):
        assert answer.status_code == 404
        assert "no-such-kind" in answer.text
        assert "classification" in answer.text
    assert browser.post("/datasets/new/no-such-kind/example", data={}).status_code == 404


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "classification"])
def test_the_example_of_an_empty_form_says_what_is_missing_or_shows_samples(browser, kind) -> None:
    required = [n for n, info in shown_fields(kind).items() if info.is_required() and n != "name"]
    answer = browser.post(f"/datasets/new/{kind}/example", data={})
    if required:
        assert "notice is-error" in answer.text
    else:
        assert '<figure class="sample' in answer.text or "notice is-error" in answer.text


def table(folder, rows: int = 8):
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f'{1 + n % 2},"text number {n} <b>"\n' for n in range(rows))
    (folder / "train.csv").write_text(lines)
    return folder / "train.csv"


def test_a_dataset_of_texts_is_tried_made_and_cloned(browser, server) -> None:
    path = table(server.data / "texts")
    sent = {"name": "Texts", "train_data_file": str(path), "max_chars_per_sample": "40"}
    shown = browser.post("/datasets/new/text-classification/example", data=sent | {"name": ""}).text
    assert "text number 0 &lt;b&gt;" in shown
    assert re.search("6 for training,\\s*2 for validation", shown) or "for training" in shown
    assert "in 2 classes" in shown
    made = browser.post("/datasets/new/text-classification", data=sent)
    assert made.status_code == 303
    job = made.headers["location"].rpartition("/")[2]
    moved = browser.get(f"/datasets/new/classification?clone={job}")
    assert moved.headers["location"] == f"/datasets/new/text-classification?clone={job}"
    inputs = Inputs(browser.get(moved.headers["location"]).text)
    assert inputs.values["name"] == "Texts copy"
    assert inputs.values["max_chars_per_sample"] == "40"


def test_paths_of_any_kind_are_judged(browser) -> None:
    answer = browser.post("/datasets/new/text-classification", data={"name": "", "train_data_file": "/etc/passwd"})
    assert answer.status_code == 422
    assert '<a href="#train_data_file">' in answer.text
    assert '<a href="#name">' in answer.text
    refused = browser.post("/datasets/new/text-classification", data={"name": "n", "train_data_file": "/etc/passwd"})
    assert refused.status_code == 403


def test_a_clone_keeps_a_choice_that_is_not_offered(browser) -> None:
    assert 'value="digits"' not in browser.get("/datasets/new/classification").text
    taken = ClassificationOptions(name="n", train="/jobs/1", method=Method.DIGITS)
    page = environment().get_template("_partials/fields.html").module
    shown = page.form_sections(filled(taken), layout(ClassificationOptions), [])
    assert Inputs(str(shown)).values["method"] == "digits"
