"""`gradus demo`: the whole path once, from pictures to a model that reads them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from gradus.cli.common import HomeOption, JsonOption
from gradus.cli.connection import Connection, settings_for
from gradus.cli.following import see_through, step_bar
from gradus.cli.guard import guarded
from gradus.cli.output import console, note, plain, say_json, table
from gradus.core.classification import ClassificationOptions
from gradus.core.model import ClassScore, TrainingOptions

if TYPE_CHECKING:
    from rich.console import Console

    from gradus.core.job import Job
    from gradus.data.samples import SampleSet
    from gradus.services.settings import Settings

SIDE = 28  # LeNet's own
EPOCHS = 15
PICTURES = 12  # shown at the end, two of each class


class Answer(BaseModel):
    """What the model said of one picture, and what the picture is."""

    picture: str
    true: str
    classes: list[ClassScore]


@guarded
def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End with the predictions; start no server.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go the whole path once: draw pictures, build a dataset, train LeNet, predict; then serve the result."""
    settings = settings_for(home)
    out = console(stderr=as_json)
    begun = time.perf_counter()
    with reached(settings, serve=not no_serve) as connection:
        sample = draw(settings.home, out)
        dataset = build(connection, sample, out)
        model = train(connection, dataset, out)
        answers = predict(connection, sample, model)
        if as_json:
            say_json(answers)
        else:
            show(answers, out)
        out.print(f"\nFrom nothing to predictions in {time.perf_counter() - begun:.0f} s.")
        if not no_serve:
            stay(connection, model, out)


@contextmanager
def reached(settings: Settings, *, serve: bool) -> Iterator[Connection]:
    """A connection; as a server, on another port where the usual one is taken."""
    from gradus.cli.guard import ServerError

    try:
        connection = Connection(settings, serve=serve)
    except ServerError as error:
        if error.problem.field != "port":
            raise
        note(f"{error.problem.message}; another is taken instead")
        connection = Connection(settings.model_copy(update={"port": 0}), serve=serve)
    try:
        yield connection
    finally:
        connection.close()


def step(out: Console, number: int, words: str) -> None:
    """Say what comes now."""
    out.print(f"[bold cyan]{number}[/] [bold]{words}[/]")


def draw(home: Path, out: Console) -> SampleSet:
    """The sample pictures, drawn once for each home."""
    from gradus.data.samples import write_sample

    folder = home / "samples" / "shapes"
    step(out, 1, f"Pictures: {plain(str(folder))}")
    with step_bar("shapes") as tell:
        sample = write_sample("shapes", folder, tell=tell)
    out.print(f"  {sample.train:,} to learn from and {sample.test:,} held back: {', '.join(sample.labels)}")
    return sample


def build(connection: Connection, sample: SampleSet, out: Console) -> Job:
    """The dataset."""
    step(out, 2, f"Dataset: {SIDE} x {SIDE} gray, a quarter of it to validate with")
    options = ClassificationOptions(
        name="shapes", group="demo", train=str(sample.folder / "train"), channels=1, width=SIDE, height=SIDE
    )
    job = see_through(connection, connection.client.datasets.create(options).id)
    facts = connection.client.datasets.get(job.id).facts
    if facts is not None:
        counts = ", ".join(f"{split.count:,} {split.split.value}" for split in facts.splits)
        out.print(f"  {counts} in {facts.seconds:.1f} s")
    return job


def train(connection: Connection, dataset: Job, out: Console) -> Job:
    """The model."""
    step(out, 3, f"Training: LeNet, {EPOCHS} epochs")
    options = TrainingOptions(
        name="lenet on shapes", group="demo", dataset=dataset.id, network="lenet", epochs=EPOCHS, seed=1
    )
    job = see_through(connection, connection.client.models.create(options).id)
    accuracy = connection.client.models.get(job.id).latest.get("val/accuracy")
    if accuracy is not None and job.started and job.finished:
        out.print(f"  {accuracy:.1%} of the validation pictures right after {job.finished - job.started:.1f} s")
    return job


def predict(connection: Connection, sample: SampleSet, model: Job) -> list[Answer]:
    """What the model says of pictures that it has not seen, in turn one of each class."""
    classes = sorted(path for path in (sample.folder / "test").iterdir() if path.is_dir())
    turns = zip(*(sorted(folder.glob("*.png")) for folder in classes), strict=True)
    pictures = [picture for turn in turns for picture in turn][:PICTURES]
    results = connection.client.models.predict(model.id, pictures, top=3)
    return [
        Answer(
            picture=str(picture.relative_to(sample.folder)),
            true=picture.parent.name.replace("_", " "),
            classes=result.prediction.classes if result.prediction else [],
        )
        for picture, result in zip(pictures, results, strict=True)
    ]


def show(answers: Sequence[Answer], out: Console) -> None:
    """A row for each picture."""
    step(out, 4, "Predictions for pictures that were held back")
    rows = table("picture", "", "is taken for", "next", "")
    for answer in answers:
        first, *others = answer.classes
        rows.add_row(
            answer.picture, "[green]✓[/]" if first.label == answer.true else "[red]✗[/]",
            f"[bold]{first.label}[/] {first.probability:.1%}", *[f"{s.label} {s.probability:.1%}" for s in others],
        )  # fmt: skip
    out.print(rows)


def stay(connection: Connection, model: Job, out: Console) -> None:
    """Serve the result until interrupted; where another server holds the home, only say where it is."""
    from gradus.cli.serve import front_door

    here = connection.here
    if here is None:
        out.print(f"The server that holds this home shows it: {connection.client.url}/models/{model.id}")
        return
    out.print(f"See it in the browser: [bold]{front_door(here)}[/]")
    out.print("Ctrl-C stops the server.")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        while not ended.wait(1):  # a wait without an end could not be interrupted on every system
            pass
    except KeyboardInterrupt:
        note("")
