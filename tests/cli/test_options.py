"""Options are the model's fields, no more and no less."""

from __future__ import annotations

import inspect

import pytest
import typer
from typer.testing import CliRunner

from gradus.cli.dataset import builder
from gradus.cli.options import Given, flag, takes
from gradus.cli.train import train
from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import ResizeMode
from gradus.core.errors import FormError
from gradus.core.form import shown_of
from gradus.core.model import TrainingOptions

COMMON = {"detach", "home", "as_json"}
UNSEEN = {name for name, field in ClassificationOptions.model_fields.items() if shown_of(field).hidden}


@pytest.mark.parametrize(
    ("command", "model", "elsewhere"),
    [
        (builder(ClassificationOptions), ClassificationOptions, UNSEEN),
        (train, TrainingOptions, {"type", "network_text"}),  # the text is given by --network FILE
    ],
)
def test_every_field_is_an_option(command: object, model: type, elsewhere: set[str]) -> None:
    parameters = inspect.signature(command).parameters
    assert set(parameters) - COMMON == set(model.model_fields) - elsewhere
    assert {"type", "roots", "version"} <= UNSEEN  # which the server sets


def made(arguments: list[str], model: type = ClassificationOptions) -> tuple[int, str, list[object]]:
    """Run a command that only makes the model."""
    seen: list[object] = []
    app = typer.Typer()

    @app.command()
    @takes(model)
    def command(given: Given) -> None:
        try:
            seen.append(given.make())
        except FormError as error:
            seen.append({problem.field: problem.message for problem in error.problems()})

    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    return result.exit_code, result.output, seen


def test_what_is_not_given_has_the_default_of_the_model() -> None:
    _, _, seen = made(["--name", "n", "--train", "/t"])
    assert seen == [ClassificationOptions(name="n", train="/t")]


def test_text_becomes_what_the_field_is() -> None:
    _, _, seen = made(
        ["--name", "n", "--train", "/t", "--width", "28", "--validation-percent", "12.5", "--channels", "1",
         "--resize-mode", "half_crop", "--maximum-per-class", "9", "--seed", "4294967295"]
    )  # fmt: skip
    assert seen == [
        ClassificationOptions(
            name="n", train="/t", width=28, validation_percent=12.5, channels=1, resize_mode=ResizeMode.HALF_CROP,
            maximum_per_class=9, seed=2**32 - 1,
        )
    ]  # fmt: skip


def test_every_wrong_option_is_named_at_once() -> None:
    _, _, seen = made(["--name", "n", "--width", "0", "--height", "tall", "--validation-percent", "nan"])
    (wrong,) = seen
    assert isinstance(wrong, dict)
    assert set(wrong) == {"train", "width", "height", "validation_percent"}


@pytest.mark.parametrize("value", ["", "inf", "-1", "1e3", "0x10", "٣"])
def test_numbers_that_are_none_are_refused(value: str) -> None:
    _, _, seen = made(["--name", "n", "--train", "/t", "--width", value])
    (wrong,) = seen
    assert isinstance(wrong, dict)
    assert set(wrong) == {"width"}


def test_help_is_made_of_titles_descriptions_and_defaults() -> None:
    code, output, _ = made(["--help"])
    assert code == 0
    for name, field in ClassificationOptions.model_fields.items():
        if name not in UNSEEN:
            assert flag(name) in output
            assert str(field.title) in output
    assert "Of each class, kept for a final test." in output
    assert "In pixels. Default: 256." in output
    assert "crop|squash|fill|half_crop" in output
    assert "1|3" in output


def test_options_of_training_read_their_own_kinds() -> None:
    _, _, seen = made(["--name", "m", "--dataset", "d", "--learning-rate", "1e-3", "--epochs", "5"], TrainingOptions)
    assert seen == [TrainingOptions(name="m", dataset="d", learning_rate=0.001, epochs=5)]


def test_settings_of_solvers_are_options_with_their_own_values_told() -> None:
    given = [
        "--solver",
        "rmsprop",
        "--rms-decay",
        "0.9",
        "--policy",
        "multistep",
        "--step-values",
        "20, 60",
        "--name",
        "m",
    ]
    _, _, seen = made([*given, "--dataset", "d", "--batch-accumulation", "4"], TrainingOptions)
    assert seen == [
        TrainingOptions(
            name="m", dataset="d", solver="rmsprop", rms_decay=0.9, policy="multistep", step_values="20, 60",
            batch_accumulation=4,
        )
    ]  # fmt: skip
    _, output, _ = made(["--help"], TrainingOptions)
    assert "sgd|nesterov|adagrad|rmsprop|adadelta|adam" in output
    assert "fixed|step|multistep|exp|inv|poly|sigmoid" in output
    assert "0.5 for multistep" in " ".join(output.split())


@pytest.mark.parametrize("steps", ["85,50", "0,50", "50,101", "nan", "50,50", "fifty", "1,2,"])
def test_steps_that_do_not_rise_are_refused(steps: str) -> None:
    _, _, seen = made(
        ["--name", "m", "--dataset", "d", "--policy", "multistep", "--step-values", steps], TrainingOptions
    )
    (wrong,) = seen
    assert isinstance(wrong, dict)
    assert "rising order" in str(wrong["step_values"])
