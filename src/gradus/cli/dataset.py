"""`gradus dataset create KIND` and `import`: datasets of any kind. The options of each kind are made of its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gradus.cli.common import DetachOption, HomeOption, JsonOption
from gradus.cli.following import see_through
from gradus.cli.guard import guarded
from gradus.cli.options import Given, takes
from gradus.cli.output import note, plain, say, say_json
from gradus.cli.store_keys import store_keys
from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetOptions
from gradus.core.errors import NotFoundError
from gradus.core.form import fields_of, holds, paths_of, shown_of

if TYPE_CHECKING:
    from gradus.client import Client
    from gradus.core.credentials import Credentials
    from gradus.core.view.dataset import DatasetView

CLASSIFICATION = "classification"
IMPORT = "digits-import"
ELSEWHERE = ("upload:", "http://", "https://")  # what a path is not


class Kinds(TyperGroup):
    """A command for each kind of dataset. Plugins are loaded when one of their kinds or the list is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as Click calls it
        """Every kind, classification first."""
        from gradus.services import kinds

        return [kind.id for kind in kinds.listing()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command that builds datasets of one kind."""
        if cmd_name == CLASSIFICATION:
            return _command(cmd_name, ClassificationOptions, CLASSIFIED)
        from gradus.plugins import manager

        try:
            kind = manager.kind(cmd_name)
        except NotFoundError as error:
            raise typer.BadParameter(str(error), param_hint="KIND") from error
        return _command(cmd_name, kind.options, kind.summary or kind.title)


CLASSIFIED = "Pictures in a folder with one sub-folder for each class, lists, an archive, a table, or a store"
app = typer.Typer(no_args_is_help=True, help="Build datasets.")
create = typer.Typer(cls=Kinds, no_args_is_help=True, help="Build a dataset of one kind; prints its id.")
create.callback()(lambda: None)
app.add_typer(create, name="create")


def builder(model: type[DatasetOptions]) -> Callable[..., None]:
    """The command that builds datasets of one model."""

    @guarded
    @takes(model, skip={"type", "roots"})
    def build(
        given: Given[DatasetOptions],
        detach: DetachOption = False,
        home: HomeOption = None,
        as_json: JsonOption = False,
    ) -> None:
        for field, (path, _) in paths_of(model, given.complete()).items():
            if not path.startswith(ELSEWHERE):
                given.put(field, str(Path(path).expanduser().absolute()))
        keys = keys_of(model, given)
        _make(given.make(), keys, detach=detach, home=home, as_json=as_json)

    return build


@app.command("import")
@guarded
def import_job(
    folder: Annotated[Path, typer.Argument(help="The folder of a dataset's job of DIGITS, with train_db in it.")],
    name: Annotated[str, typer.Option("--name", help="How it is listed. Default: the folder's name.")] = "",
    group: Annotated[str, typer.Option("--group", help="Jobs of one group are listed together.")] = "",
    detach: DetachOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take over a dataset that DIGITS made; prints the id of the new one. Its pickle is never read."""
    from gradus.services import kinds

    path = folder.expanduser().absolute()
    given = {"name": name or path.resolve().name, "group": group, "folder": str(path)}
    _make(Given(kinds.model_of(IMPORT), given).make(), {}, detach=detach, home=home, as_json=as_json)


def _make(
    options: DatasetOptions, keys: Mapping[str, Credentials], *, detach: bool, home: Path | None, as_json: bool
) -> None:
    """Have a dataset made and say what came of it."""
    from gradus.cli.connection import connected

    with connected(home, detach=detach) as connection:
        for field, each in keys.items():
            options = options.model_copy(update={field: connection.ask(partial(_send, each))})
        key = str(uuid4())
        job = connection.ask(lambda client: client.datasets.create(options, key=key))
        if not detach:
            see_through(connection, job.id)
        view = connection.ask(lambda client: client.datasets.get(job.id))
    if as_json:
        say_json(view)
        return
    _tell(view)
    say(job.id)


def keys_of(model: type[DatasetOptions], given: Given[DatasetOptions]) -> dict[str, Credentials]:
    """The keys that fields refer to, read from the files that the command names, or from where AWS' tools find them."""
    found: dict[str, Credentials] = {}
    values = given.complete()
    for field, info in fields_of(model).items():
        shown = shown_of(info)
        if not shown.keys or not holds(shown.when, values):
            continue
        file = given.text(field)
        given.put(field, "")
        if keys := store_keys(Path(file) if file else None):
            found[field] = keys
    return found


def _send(keys: Credentials, client: Client) -> str:
    return client.datasets.send_keys(keys)


def _command(name: str, model: type[DatasetOptions], summary: str) -> Any:
    one = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    one.command(name, help=f"{summary.rstrip('.')}.")(builder(model))
    return get_command(one)


def _tell(view: DatasetView) -> None:
    """What was built, in a few lines."""
    if view.facts is None:
        return
    counts = ", ".join(f"{split.count:,} {split.split.value}" for split in view.facts.splits)
    note(f"{len(view.facts.labels)} classes: {counts}" if view.facts.labels else counts)
    for part in view.facts.splits:
        if part.unknown:
            note(f"{part.split.value} has classes that training lacks: {plain(', '.join(part.unknown[:10]))}")
    if view.facts.unreadable:
        note(f"{view.facts.unreadable:,} files have problems; they are listed on the dataset's page")
