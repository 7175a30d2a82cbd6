"""`gradus jobs`: what has been asked for and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradus.cli.common import HomeOption, JsonOption
from gradus.cli.finding import find_job
from gradus.cli.following import fail, see_through, stop, watch
from gradus.cli.guard import guarded
from gradus.cli.output import ago, coloured, plain, say, say_json, say_table, sentence, span, table
from gradus.core.dataset import DatasetFacts
from gradus.core.job import Job, JobKind
from gradus.core.state import ENDED, JobState
from gradus.core.view.dataset import DatasetView
from gradus.core.view.model import ModelView

if TYPE_CHECKING:
    from gradus.client import Client

app = typer.Typer(no_args_is_help=True, help="List, follow, abort, resume and delete jobs.")

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Its id, the beginning of its id, or its name.")]
KindOption = Annotated[JobKind | None, typer.Option("--kind", help="Only datasets or only models.", show_default=False)]
StateOption = Annotated[JobState | None, typer.Option("--state", help="Only in this state.", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest.")]


@app.command("list")
@guarded
def list_(
    kind: KindOption = None,
    state: StateOption = None,
    limit: LimitOption = 50,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, the newest first."""
    from itertools import islice

    from gradus.cli.connection import connected

    with connected(home) as connection:
        jobs = connection.ask(
            lambda client: list(
                islice(client.jobs.list(kind=kind.value if kind else None, state=state.value if state else None), limit)
            )
        )
    if as_json:
        say_json(jobs)
        return
    rows = table("id", "kind", "name", "state", "progress", "created", right=["progress"])
    for job in jobs:
        rows.add_row(
            job.id, job.kind.value, plain(job.name), coloured(job.state), f"{job.progress:.0%}", ago(job.created)
        )
    say_table(rows)


@app.command("show")
@guarded
def show(job: JobArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show all that is known of a job."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        view = connection.ask(lambda client: _view(client, job))
    if as_json:
        say_json(view)
        return
    rows = table("", "")
    rows.show_header = False
    for name, value in [*_job_rows(view.job), *_view_rows(view)]:
        rows.add_row(f"[bold]{name}[/]", value)
    say_table(rows)


@app.command("follow")
@guarded
def follow(job: JobArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Watch a job until it has ended. Interrupting stops the watching, not the job."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        found = connection.ask(lambda client: find_job(client, job))
        ended = watch(connection, found.id)
    if as_json:
        say_json(ended)
    if ended.state != JobState.DONE:
        fail(ended)
    if not as_json:
        say(ended.id)


@app.command("abort")
@guarded
def abort(job: JobArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Stop a job. What it has made so far stays."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        found = connection.ask(lambda client: find_job(client, job, sole=True))
        stopped = stop(connection, found.id)
    _answer(stopped, as_json)


@app.command("resume")
@guarded
def resume(job: JobArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Go on with an aborted or failed job, and watch it until it has ended."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        found = connection.ask(lambda client: find_job(client, job, sole=True))
        connection.client.jobs.resume(found.id)
        ended = see_through(connection, found.id)
    _answer(ended, as_json)


@app.command("delete")
@guarded
def delete(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB...", help="Ids or names.")], home: HomeOption = None
) -> None:
    """Delete jobs with their files. A dataset that models use is kept."""
    from gradus.cli.connection import connected

    with connected(home) as connection:
        for found in [find_job(connection.client, text, sole=True) for text in jobs]:
            connection.client.jobs.delete(found.id)
            say(f"deleted {found.id} ({found.name})")


def _view(client: Client, text: str) -> DatasetView | ModelView:
    """All that is known of the job that is meant."""
    found = find_job(client, text)
    return client.datasets.get(found.id) if found.kind == JobKind.DATASET else client.models.get(found.id)


def _answer(job: Job, as_json: bool) -> None:
    if as_json:
        say_json(job)
    else:
        say(f"{job.id} {job.state.value}")


def _job_rows(job: Job) -> list[tuple[str, str]]:
    rows = [("id", job.id), ("kind", f"{job.kind.value} ({job.type})"), ("name", plain(job.name))]
    rows.append(("state", coloured(job.state) + (f" {job.progress:.0%}" if job.state not in ENDED else "")))
    if job.activity:
        rows.append(("activity", plain(job.activity)))
    if job.problem is not None:
        rows.append(("problem", plain(sentence(job.problem))))
        if job.problem.hint:
            rows.append(("hint", plain(job.problem.hint)))
    if job.started and job.finished:
        rows.append(("took", span(job.finished - job.started)))
    if job.device:
        rows.append(("device", job.device))
    return rows


def _view_rows(view: DatasetView | ModelView) -> list[tuple[str, str]]:
    if isinstance(view, DatasetView):
        rows = [(name.replace("_", " "), plain(path)) for name, (path, _) in view.options.paths().items()]
        if view.facts is not None:
            facts = view.facts
            if isinstance(facts, DatasetFacts):
                rows.append(("pictures", f"{facts.width} x {facts.height}, {facts.channels} channels"))
            if facts.labels:
                rows.append(("classes", f"{len(facts.labels)}: " + plain(", ".join(facts.labels[:10]))))
            rows += [(split.split.value, f"{split.count:,}") for split in facts.splits]
            if facts.unreadable:
                rows.append(("with problems", f"{facts.unreadable:,} files"))
        rows += [("model", f"{model.id} {plain(model.name)}") for model in view.models]
        return rows
    rows = [("network", view.options.network), ("dataset", view.options.dataset)]
    rows += [(name, "not a number" if value is None else f"{value:.6g}") for name, value in view.latest.items()]
    if view.snapshots:
        rows.append(("snapshots", ", ".join(snapshot.name for snapshot in view.snapshots)))
    return rows
