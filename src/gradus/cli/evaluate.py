"""`gradus evaluate`: measure a model on one split of its dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from gradus.cli.common import HomeOption, JsonOption, SnapshotOption
from gradus.cli.finding import find_job
from gradus.cli.guard import guarded
from gradus.cli.output import note, plain, say, say_json, say_table, table
from gradus.core.dataset import Split
from gradus.core.job import JobKind
from gradus.core.model import Evaluation

LARGEST_TABLE = 15  # classes; a wider confusion table does not fit a terminal


@guarded
def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its id, the beginning of its id, or its name.")],
    split: Annotated[Split, typer.Option("--split", help="Which database of its dataset.")] = Split.VAL,
    snapshot: SnapshotOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model: accuracy, loss and which classes it takes for which."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        found = connection.ask(lambda client: find_job(client, model, JobKind.MODEL))
        result = connection.ask(lambda client: client.models.evaluate(found.id, split, snapshot=snapshot))
    if as_json:
        say_json(result)
        return
    loss = "" if result.loss is None else f", loss {result.loss:.4f}"
    say(f"{result.split}: {result.count:,} pictures, top-1 {result.top1:.2%}, top-5 {result.top5:.2%}{loss}")
    show_confusion(result)


def show_confusion(result: Evaluation) -> None:
    """Rows are true classes, columns what they were taken for."""
    if len(result.labels) > LARGEST_TABLE:
        note(f"{len(result.labels)} classes: the confusion table is too wide for here, --json has it")
        return
    labels = [plain(label) for label in result.labels]
    rows = table("is \\ taken for", *labels, "right", right=[*labels, "right"])
    for index, (label, counts) in enumerate(zip(labels, result.confusion, strict=True)):
        total = sum(counts)
        cells = [f"[bold green]{n}[/]" if i == index else str(n) if n else "·" for i, n in enumerate(counts)]
        rows.add_row(label, *cells, f"{counts[index] / total:.1%}" if total else "")
    say_table(rows)
