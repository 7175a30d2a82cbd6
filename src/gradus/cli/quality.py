"""`gradus dataset quality` and `gradus dataset version`: what was found about samples, and the same without it."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer
from pydantic import ValidationError

from gradus.cli.common import DetachOption, HomeOption, JsonOption
from gradus.cli.finding import find_job
from gradus.cli.following import see_through
from gradus.cli.guard import guarded
from gradus.cli.output import note, plain, say, say_json
from gradus.core.errors import InputError
from gradus.core.flaw import OF_SAMPLES, Flaw
from gradus.core.job import JobKind
from gradus.core.quality import VersionOptions

KNOWN = ", ".join([*OF_SAMPLES, Flaw.SUSPICIOUS])
DatasetArgument = Annotated[str, typer.Argument(help="The id of a dataset, its beginning, or its name.")]


@guarded
def quality(dataset: DatasetArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what was found about the samples of a dataset: duplicates, leaks, odd pictures."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        job = connection.ask(lambda client: find_job(client, dataset, JobKind.DATASET))
        found = connection.ask(lambda client: client.datasets.quality.get(job.id))
    if as_json:
        say_json(found)
        return
    for finding in found.quality.findings:
        say(f"{finding.severity}\t{finding.kind}\t{plain(finding.message)}")
    if found.acknowledged:
        note(f"The leaks were acknowledged by {found.acknowledged.by}: {plain(found.acknowledged.note)}")
    if not found.quality.findings:
        note(f"Nothing was found in {found.quality.samples:,} samples")


@guarded
def version(
    dataset: DatasetArgument,
    without: Annotated[str, typer.Option("--without", help=f"Findings, with commas between them: {KNOWN}.")],
    name: Annotated[str | None, typer.Option("--name", help="How it is listed. Default: as the dataset.")] = None,
    detach: DetachOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build a dataset again without the samples of some findings; prints the id of the new one."""
    asked = [word.strip() for word in without.split(",") if word.strip()]
    try:
        options = VersionOptions.model_validate({"without": asked, "name": name})
    except ValidationError as error:
        wrong = [word for word in asked if word not in KNOWN.split(", ")]
        told = f"There is no finding {wrong[0]!r}" if wrong else str(error.errors()[0]["msg"])
        raise InputError(told, field="without" if wrong or not asked else "name", hint=f"There are {KNOWN}.") from error

    from gradus.cli.connection import connected

    with connected(home, detach=detach) as connection:
        parent = connection.ask(lambda client: find_job(client, dataset, JobKind.DATASET))
        key = str(uuid4())
        made = connection.ask(
            lambda client: client.datasets.quality.make_version(parent.id, options.without, name=options.name, key=key)
        )
        if not detach:
            see_through(connection, made.id)
        view = connection.ask(lambda client: client.datasets.get(made.id))
        lineage = connection.ask(lambda client: client.datasets.quality.lineage(made.id))
    if as_json:
        say_json(view)
        return
    if view.facts is not None:
        note(f"{sum(part.count for part in view.facts.splits):,} samples; {lineage.left_out:,} are left out")
    say(made.id)
