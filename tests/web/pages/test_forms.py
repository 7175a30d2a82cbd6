from gradus.core.classification import ClassificationOptions
from gradus.core.errors import Problem
from gradus.core.model import TrainingOptions
from gradus.web.pages.forms import blank, filled, read


def test_what_was_entered_is_kept_when_it_is_wrong() -> None:
    form, options = read(ClassificationOptions, {"name": "x", "train": "/somewhere", "width": "nan", "csrf": "secret"})
    assert options is None
    assert form["width"] == "nan"
    assert form["name"] == "x"
    assert [p.field for p in form.problems] == ["width"]
    assert form.sentence(form.errors("width")[0]).startswith("Width must be")
    assert "csrf" not in form.values


def test_empty_means_none_only_where_a_field_allows_it() -> None:
    form, options = read(ClassificationOptions, {"name": "x", "train": "/a", "maximum_per_class": ""})
    assert options is not None
    assert options.maximum_per_class is None
    form, options = read(ClassificationOptions, {"name": "", "train": "/a", "width": ""})
    assert options is None
    assert {p.field for p in form.problems} == {"name", "width"}


def test_defaults_and_clones_fill_the_form() -> None:
    form = blank(TrainingOptions, dataset="d", name="n")
    assert (form["learning_rate"], form["epochs"], form["batch_size"], form["policy"]) == ("", "30", "", "step")
    options = TrainingOptions(name="n", dataset="d", step_percent=12.5, weight_decay=1e-7)
    cloned = filled(options, name="n copy")
    assert (cloned["name"], cloned["step_percent"], cloned["weight_decay"]) == ("n copy", "12.5", "1e-07")
    again, made = read(TrainingOptions, cloned.values)
    assert made == options.model_copy(update={"name": "n copy"})
    assert again.problems == []


def test_a_sentence_stays_as_it_is() -> None:
    form = blank(ClassificationOptions)
    assert form.sentence(Problem(code="x", message="It is gone.", field="train")) == "It is gone."
    assert form.sentence(Problem(code="x", message="is gone", field="train"), named=False) == "Is gone."
    telling = Problem(code="x", message="the maximum samples per class is too small", field="maximum_per_class")
    assert form.sentence(telling) == "The maximum samples per class is too small."
