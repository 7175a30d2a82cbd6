from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.classification import ClassificationOptions
from gradus.core.errors import FormError, InputError, OutsideDataRootsError
from gradus.core.model import TrainingOptions
from gradus.services.forms import Findings, read

DATASET = {"name": "pets", "train": "/data/pets"}
MODEL = {"name": "m", "dataset": "20260101-000000-0123456789"}


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "inf", "-inf", "1e999", "-0", "0", "1e308", "1e-400", "0x10", "１２", "1_000", "-1",
             "1,5", "1e", "abc", "1 2", "9" * 400]
)  # fmt: skip
def test_a_learning_rate_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(FormError) as caught:
        read(TrainingOptions, {**MODEL, "learning_rate": text})
    assert [p.field for p in caught.value.problems()] == ["learning_rate"]


@pytest.mark.parametrize("text", ["1.5", "nan", "", "-3", "0", "１２", "9" * 5000, "1e3", "true"])
def test_a_number_of_epochs_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(FormError) as caught:
        read(TrainingOptions, {**MODEL, "epochs": text})
    assert [p.field for p in caught.value.problems()] == ["epochs"]


@pytest.mark.parametrize(("text", "value"), [("0.01", 0.01), (" 1e-3 ", 0.001), ("+.5", 0.5), ("3.", 3.0)])
def test_ordinary_numbers_are_read(text: str, value: float) -> None:
    assert read(TrainingOptions, {**MODEL, "learning_rate": text}).learning_rate == value


def test_what_is_left_empty_is_none_where_that_is_allowed() -> None:
    made = read(TrainingOptions, {**MODEL, "batch_size": "", "crop_size": " ", "seed": ""})
    assert (made.batch_size, made.crop_size, made.seed) == (None, None, None)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("momentum", "-1", "must be at least 0"),
        ("weight_decay", "2", "must be at most 1"),
        ("device", "gpu", "must be auto, cpu or cuda:N"),
        ("name", "a\x1b[31m", "must be one line without control characters"),
        ("group", "two\nlines", "must be one line without control characters"),
    ],
)
def test_a_problem_is_told_in_plain_words(field: str, text: str, message: str) -> None:
    with pytest.raises(FormError) as caught:
        read(TrainingOptions, {**MODEL, field: text})
    assert [(p.field, p.message) for p in caught.value.problems()] == [(field, message)]


def test_all_problems_are_told_at_once() -> None:
    form = {"name": " ", "train": "", "width": "wide", "height": "0", "channels": "2", "encoding": "gif", "csrf": "x"}
    with pytest.raises(FormError) as caught:
        read(ClassificationOptions, form)
    assert {p.field for p in caught.value.problems()} == set(form) - {"csrf"}


def test_choices_that_are_numbers_are_read_from_text() -> None:
    assert read(ClassificationOptions, {**DATASET, "channels": "1"}).channels == 1


def test_what_concerns_two_fields_is_said_of_the_first() -> None:
    with pytest.raises(FormError) as caught:
        read(ClassificationOptions, {**DATASET, "validation_percent": "60", "test_percent": "60"})
    assert [p.field for p in caught.value.problems()] == ["validation_percent"]
    with pytest.raises(FormError) as caught:
        read(ClassificationOptions, {**DATASET, "minimum_per_class": "9", "maximum_per_class": "3"})
    assert [p.field for p in caught.value.problems()] == ["maximum_per_class"]


@given(st.dictionaries(st.sampled_from(sorted(TrainingOptions.model_fields)), st.text(), max_size=8))
def test_any_text_is_read_or_refused_by_name(entered: dict[str, str]) -> None:
    try:
        read(TrainingOptions, {**MODEL, **entered})
    except FormError as error:
        assert {p.field for p in error.problems()} <= set(TrainingOptions.model_fields)


def test_one_finding_keeps_its_kind_and_several_become_one_form() -> None:
    findings = Findings()
    findings.finish()
    with findings.collect():
        raise OutsideDataRootsError("outside", field="train")
    with pytest.raises(OutsideDataRootsError):
        findings.finish()
    findings.add("too large", "crop_size")
    with pytest.raises(FormError) as caught:
        findings.finish()
    assert [p.field for p in caught.value.problems()] == ["train", "crop_size"]
    assert isinstance(caught.value, InputError)
