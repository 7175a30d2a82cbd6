"""`gradus sample`: a folder of sample pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradus.cli.common import JsonOption
from gradus.cli.following import step_bar
from gradus.cli.guard import guarded
from gradus.cli.output import note, say, say_json


@guarded
def sample(
    name: Annotated[str, typer.Argument(metavar="NAME", help="shapes, mnist or fashion-mnist.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; it must not exist yet.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Where the original files lie; otherwise they are downloaded."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write sample pictures: OUT/train and OUT/test, with one sub-folder for each class.

    shapes is drawn and needs nothing; the others are read from their original files.
    """
    from gradus.data.samples import write_sample

    with step_bar(f"sample {name}") as tell:
        written = write_sample(name, out.expanduser(), source.expanduser() if source else None, tell)
    if as_json:
        say_json(written)
        return
    size = f"{written.width} x {written.height}"
    kind = "gray" if written.channels == 1 else "colour"
    note(f"{written.train:,} {kind} pictures of {size} to train with and {written.test:,} to test with")
    note(f"{len(written.labels)} classes: {', '.join(written.labels)}")
    say(str(written.folder))
