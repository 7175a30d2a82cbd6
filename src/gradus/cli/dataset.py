"""`gradus dataset create`: build a dataset from pictures."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import typer

from gradus.cli.common import DetachOption, HomeOption, JsonOption
from gradus.cli.following import see_through
from gradus.cli.guard import guarded
from gradus.cli.options import Given, takes
from gradus.cli.output import note, plain, say, say_json
from gradus.core.classification import ClassificationOptions
from gradus.core.form import fields_of, shown_of

app = typer.Typer(no_args_is_help=True, help="Build datasets.")
create = typer.Typer(no_args_is_help=True, help="Build a dataset of one kind.")
app.add_typer(create, name="create")


@create.command("classification")
@guarded
@takes(ClassificationOptions, skip={"type", "roots"})
def classification(
    given: Given[ClassificationOptions],
    detach: DetachOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build a dataset from a folder with one sub-folder of pictures for each class, or from lists; prints its id."""
    for field, info in fields_of(ClassificationOptions).items():
        if shown_of(info).path and (path := given.text(field)) and not path.startswith("upload:"):
            given.put(field, str(Path(path).expanduser().absolute()))
    options = given.make()

    from gradus.cli.connection import connected

    with connected(home, detach=detach) as connection:
        key = str(uuid4())
        job = connection.ask(lambda client: client.datasets.create(options, key=key))
        if not detach:
            see_through(connection, job.id)
        view = connection.ask(lambda client: client.datasets.get(job.id))
    if as_json:
        say_json(view)
        return
    if view.facts is not None:
        counts = ", ".join(f"{split.count:,} {split.split.value}" for split in view.facts.splits)
        note(f"{len(view.facts.labels)} classes: {counts}")
        for part in view.facts.splits:
            if part.unknown:
                note(f"{part.split.value} has classes that training lacks: {plain(', '.join(part.unknown[:10]))}")
        if view.facts.unreadable:
            note(f"{view.facts.unreadable:,} files could not be read; they are listed on the dataset's page")
    say(job.id)
