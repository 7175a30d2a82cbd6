"""`gradus predict`: ask a model what it sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradus.cli.common import HomeOption, JsonOption, SnapshotOption
from gradus.cli.finding import find_job
from gradus.cli.guard import USAGE, guarded
from gradus.cli.output import note, plain, say_json, say_table, sentence, table
from gradus.core.errors import PathError
from gradus.core.job import JobKind
from gradus.core.view.model import PredictionResult

if TYPE_CHECKING:
    from gradus.client import Client

AT_ONCE = 64  # pictures in one request


@guarded
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its id, the beginning of its id, or its name.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.", show_default=False)],
    snapshot: SnapshotOption = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="How many classes for each picture.")] = 5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Classify pictures; the most probable classes first."""
    for image in images:
        if not image.is_file():
            kind = "is a folder" if image.is_dir() else "is not a regular file" if image.exists() else "does not exist"
            hint = f"Name its pictures: {image / '*'}" if image.is_dir() else None
            raise PathError(f"{image} {kind}", field="image", file=str(image), hint=hint)

    from gradus.cli.connection import connected

    with connected(home) as connection:
        found = connection.ask(lambda client: find_job(client, model, JobKind.MODEL))
        results = connection.ask(lambda client: ask(client, found.id, images, snapshot, top))
    if as_json:
        say_json(results)
    else:
        show(results, top)
    if any(result.problem for result in results):
        raise typer.Exit(USAGE)


def ask(client: Client, model_id: str, images: list[Path], snapshot: str | None, top: int) -> list[PredictionResult]:
    """The answers in the order of the pictures, each named as it was given."""
    results: list[PredictionResult] = []
    for start in range(0, len(images), AT_ONCE):
        part = images[start : start + AT_ONCE]
        answers = client.models.predict(model_id, part, snapshot=snapshot, top=top)
        results += [
            answer.model_copy(update={"input": str(image)}) for image, answer in zip(part, answers, strict=True)
        ]
    return results


def show(results: list[PredictionResult], top: int) -> None:
    """A row for each picture; what could not be read goes to standard error."""
    rows = table("picture", *("class" if rank == 0 else "" for rank in range(min(top, 5))))
    for result in results:
        if result.problem is not None:
            note(f"Error: {result.input}: {sentence(result.problem)}")
        if result.prediction is not None:
            first, *others = [f"{plain(s.label)} {s.probability:.1%}" for s in result.prediction.classes[:5]]
            rows.add_row(plain(result.input), f"[bold]{first}[/]", *others)
    if rows.row_count:
        say_table(rows)
