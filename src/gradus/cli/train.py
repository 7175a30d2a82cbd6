"""`gradus train`: train a network on a dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from gradus.cli.common import DetachOption, HomeOption, JsonOption
from gradus.cli.finding import find_job
from gradus.cli.following import see_through
from gradus.cli.guard import guarded
from gradus.cli.options import Given, takes
from gradus.cli.output import note, say, say_json, span
from gradus.core.errors import InputError, NetworkError, from_problem
from gradus.core.job import Job, JobKind
from gradus.core.model import TrainingOptions

if TYPE_CHECKING:
    from gradus.client import Client

PythonLayersOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Python layers that NETWORK names as module digits_python_layers."),
]
LARGEST_TEXT = 4 * 2**20  # bytes, as TrainingOptions.network_text


@guarded
@takes(TrainingOptions, skip={"type", "dataset", "network_text", "python_layers"})
def train(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Its id, the beginning of its id, or its name.")],
    given: Given[TrainingOptions],
    python_layers: PythonLayersOption = None,
    detach: DetachOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a network on a dataset; prints the model's id.

    NETWORK is a standard network, a file with a Caffe prototxt of your own, or - for standard input.
    """
    network = given.text("network") or "lenet"
    text = network_text(network)
    if text is not None:
        given.put("network", "custom")
        given.put("network_text", text)
    if python_layers is not None:
        given.put("python_layers", _read(python_layers, "python_layers"))
    if "name" not in given:
        given.put("name", "network" if network == "-" else Path(network).stem)
    given.put("dataset", dataset)
    given.make()  # wrong options are named before a server is looked for

    from gradus.cli.connection import connected

    with connected(home, detach=detach) as connection:
        found = connection.ask(lambda client: find_job(client, dataset, JobKind.DATASET))
        given.put("dataset", found.id)
        options, key = given.make(), str(uuid4())
        source = "standard input" if network == "-" else network
        job = connection.ask(lambda client: _created(client, options, source, key))
        if not detach:
            job = see_through(connection, job.id)
        view = connection.ask(lambda client: client.models.get(job.id))
    if as_json:
        say_json(view)
        return
    if job.started and job.finished:
        note(f"trained in {span(job.finished - job.started)}")
    say(job.id)


def _created(client: Client, options: TrainingOptions, source: str, key: str) -> Job:
    """The new job. What is wrong in the network's text is said of the file that it was read from."""
    try:
        return client.models.create(options, key=key)
    except NetworkError as error:
        raise from_problem(error.problem.model_copy(update={"file": source})) from error


def network_text(network: str) -> str | None:
    """The text that `--network` names, or None where it names a standard network."""
    if network == "-":
        return sys.stdin.read(LARGEST_TEXT + 1)
    path = Path(network).expanduser()
    if path.is_file():
        return _read(path, "network")
    if path.suffix or path.name != network:
        raise InputError(
            f"there is no file {network}", field="network", hint="Give a standard network, such as lenet, or a file."
        )
    return None


def _read(path: Path, field: str) -> str:
    try:
        with path.expanduser().open(encoding="utf-8") as file:
            return file.read(LARGEST_TEXT + 1)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file", field=field) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", field=field) from error
