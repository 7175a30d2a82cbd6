"""A dataset of every kind is asked for alike: what a form, a command and REST make of the same words is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gradus.cli.dataset import keys_of
from gradus.cli.options import Given, flag, takes
from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetOptions
from gradus.core.errors import GradusError
from gradus.core.form import choices_of, fields_of, holds, shown_of, types_of
from gradus.services import kinds
from gradus.web.api.body import strictly
from gradus.web.pages.forms import blank, read

KINDS = [kind.id for kind in kinds.listing()]
Run = Callable[..., subprocess.CompletedProcess[str]]


def words_for(model: type[DatasetOptions]) -> dict[str, str]:
    """Something for every field that is meant, as a person would write it."""
    usual = blank(model).values
    words: dict[str, str] = {}
    for name, info in fields_of(model).items():
        shown = shown_of(info)
        if shown.hidden or not holds(shown.when, usual):
            continue
        types = set(types_of(info.annotation))
        if name in usual and (choices_of(info.annotation) or bool in types or types & {int, float} or usual[name]):
            words[name] = usual[name] or "7"
        elif str in types and shown.path:
            words[name] = f"/data/{name}"
    return words | {"name": "Of words", "group": "g"}


@pytest.mark.parametrize("kind", KINDS)
def test_form_command_and_rest_make_the_same_options(kind: str) -> None:
    model = kinds.model_of(kind)
    words = words_for(model)
    form, of_form = read(model, words)
    if of_form is None:  # some fields exclude each other: those that need not be given are left out
        words = {n: text for n, text in words.items() if model.model_fields[n].is_required() or n in ("name", "group")}
        form, of_form = read(model, words)
    assert of_form is not None, form.problems
    seen: list[DatasetOptions] = []
    app = typer.Typer()

    @app.command()
    @takes(model)
    def command(given: Given[DatasetOptions]) -> None:
        seen.append(given.make())

    arguments = [part for name, text in words.items() for part in (flag(name), text)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    of_rest = strictly(model, json.loads(of_form.model_dump_json(exclude_unset=True)))
    assert seen == [of_form] == [of_rest]
    assert of_form.name == "Of words"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_command(kind: str, gradus: Run) -> None:
    shown = gradus("dataset", "create", kind, "--help")
    assert shown.returncode == 0
    for name, info in fields_of(kinds.model_of(kind)).items():
        assert (flag(name) in shown.stdout) is not shown_of(info).hidden, name


def test_kinds_are_listed_and_an_unknown_one_is_told_with_them(gradus: Run) -> None:
    listed = gradus("dataset", "create", "--help").stdout
    refused = gradus("dataset", "create", "no-such-kind", "--name", "n")
    assert refused.returncode == 2
    for kind in KINDS:
        assert kind in listed
        assert kind in refused.stderr.replace("\n", "")


def test_plugins_are_listed(gradus: Run) -> None:
    found = json.loads(gradus("plugins", "list", "--json").stdout)
    assert {kind for plugin in found for kind in plugin["kinds"]} | {"classification"} == set(KINDS)
    assert all(plugin["distribution"] and plugin["version"] for plugin in found)
    shown = gradus("plugins", "list").stdout
    assert "text-classification" in shown
    assert "Classification (Text)" in shown


def test_no_command_loads_plugins_that_it_does_not_need() -> None:
    code = (
        "import sys, gradus.cli.app as a, typer.main as m\n"
        "g = m.get_command(a.app)\n"
        "create = g.commands['dataset'].commands['create']\n"
        "create.get_command(None, 'classification')\n"
        "print(sorted({'gradus.plugins.manager', 'pluggy', 'numpy', 'fastapi'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_dataset_of_another_kind_is_built(gradus: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("".join(f"{1 + n % 2},text {n}\n" for n in range(20)))
    made = gradus(
        "dataset", "create", "text-classification", "--name", "t", "--train-data-file", tmp_path / "t.csv",
        "--max-chars-per-sample", 32, "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    view = json.loads(made.stdout)
    assert view["job"]["state"] == "done"
    assert view["options"]["max_chars_per_sample"] == 32
    assert sum(split["count"] for split in view["facts"]["splits"]) == 20
    lost = gradus("dataset", "create", "text-classification", "--name", "t", "--train-data-file", tmp_path / "lost.csv")
    assert lost.returncode == 2
    assert "--train-data-file" in lost.stderr


def test_what_is_unknown_is_refused_by_name() -> None:
    with pytest.raises(GradusError, match="no kind of data “nothing”"):
        kinds.model_of("nothing")


def test_keys_of_a_store_come_from_a_file(gradus: Run, tmp_path: Path) -> None:
    asked = ("dataset", "create", "classification", "--name", "n", "--method", "s3", "--s3-bucket", "b")
    refused = gradus(*asked, "--s3-credentials", tmp_path / "lost")
    assert refused.returncode == 2
    assert "--s3-credentials" in refused.stderr
    assert "cannot be read" in refused.stderr
    (tmp_path / "keys").write_text("[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s3cret\n")
    values = {"name": "n", "method": "s3", "s3_bucket": "b", "s3_credentials": str(tmp_path / "keys")}
    given = Given(ClassificationOptions, values)
    (sent,) = keys_of(ClassificationOptions, given).values()
    assert (sent.access_key, sent.secret_key) == ("AKIA1", "s3cret")
    assert given.make().s3_credentials == ""  # the reference to what was sent comes in its place
    elsewhere = Given(ClassificationOptions, {"name": "n", "train": "/t", "s3_credentials": "unread"})
    assert keys_of(ClassificationOptions, elsewhere) == {}
