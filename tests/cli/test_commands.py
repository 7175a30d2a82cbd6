"""Commands that need no house: words, samples, usage, and the boundary between errors and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from gradus.cli.following import told
from gradus.cli.guard import ServerError, guarded
from gradus.cli.output import sentence, span
from gradus.core import errors
from gradus.core.event import Metrics, Progress, Warned

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_version_is_the_package_s(gradus: Run) -> None:
    from gradus import __version__

    assert gradus("--version").stdout == f"gradus {__version__}\n"


def test_help_names_every_command_and_needs_nothing_heavy(gradus: Run) -> None:
    shown = gradus("--help").stdout
    for command in ("demo", "sample", "dataset", "train", "predict", "evaluate", "jobs", "serve", "doctor", "token"):
        assert f" {command} " in shown
    code = "import sys, gradus.cli.app; print({'torch', 'sqlalchemy', 'fastapi', 'httpx', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_sample_is_written_once(gradus: Run, tmp_path: Path) -> None:
    first = gradus("sample", "shapes", tmp_path / "s", "--json")
    assert first.returncode == 0, first.stderr
    written = json.loads(first.stdout)
    assert len(list((tmp_path / "s" / "train").rglob("*.png"))) == written["train"]
    assert sorted(path.name for path in (tmp_path / "s" / "train").iterdir()) == [
        label.replace(" ", "_") for label in written["labels"]
    ]
    assert gradus("sample", "shapes", tmp_path / "s").stdout == f"{tmp_path / 's'}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", "cats", "out"], ["NAME", "shapes, mnist, fashion-mnist"]),
        (["dataset", "create", "classification", "--name", "n", "--width", "0"], ["--train", "--width", "at least 1"]),
        (["train", "d", "--epochs", "many", "--momentum", "1"], ["--epochs", "--momentum"]),
        (["train", "d", "--network", "lost.prototxt"], ["--network", "lost.prototxt"]),
        (["train", "d", "--python-layers", "lost.py"], ["--python-layers", "lost.py"]),
        (["predict", "m", "lost.png"], ["IMAGE", "lost.png"]),
        (["predict", "m", "/"], ["IMAGE", "is a folder", "Name its pictures: /*"]),
        (["dataset", "version", "d", "--without", "leaks,cats"], ["--without", "cats", "exact-duplicates, near"]),
        (["frobnicate"], ["frobnicate"]),
        (["jobs", "list", "--limit", "0"], ["--limit"]),
        (["serve", "--port", "99999"], ["--port"]),
    ],
)
def test_wrong_usage_is_told_in_words_and_exits_with_two(gradus: Run, arguments: list[str], words: list[str]) -> None:
    ran = gradus(*arguments)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError("x"), 2), (errors.NotFoundError("x"), 2), (errors.ConflictError("x"), 2),
        (errors.ConflictError("x", code="home_held"), 3), (ServerError("x"), 3), (errors.DivergedError("x"), 1),
        (errors.StorageFullError("x"), 1), (errors.GradusError("x"), 1), (KeyboardInterrupt(), 130),
        (FileNotFoundError(2, "No such file", "a.txt"), 2),
    ],
)  # fmt: skip
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    @guarded
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == code


def test_a_token_without_a_server_says_whose_it_is(gradus: Run, home: Path) -> None:
    first, again = gradus("token"), gradus("token")
    assert first.returncode == 0
    assert first.stdout == again.stdout
    assert f"no server runs on {home} now" in again.stderr


def test_a_problem_says_where_before_what() -> None:
    problem = errors.Problem(
        code="c", message="there is no such layer", field="network_text", file="n.prototxt", line=3
    )
    assert sentence(problem) == "--network, n.prototxt, line 3: there is no such layer"


def test_what_validation_says_is_a_milestone() -> None:
    event = Metrics(step=5, epoch=1.5, values={"val/loss": 0.25, "val/accuracy": 0.98765, "learning_rate": 0.01})
    assert told(event) == "epoch 1.5  val/loss 0.2500  val/accuracy 98.77%"
    assert told(Metrics(step=5, epoch=1.5, values={"train/loss": 0.25})) == ""
    assert told(Metrics(step=5, epoch=1, values={"val/loss": None})) == "epoch 1  val/loss not a number"
    assert told(Warned(message="slow disk")) == "warning: slow disk"
    assert told(Progress(fraction=0.5, activity="x")) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (75, "75 s"), (600, "10 min"), (7200, "2 h"), (400_000, "5 days")],
)
def test_durations_are_told_in_one_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words
