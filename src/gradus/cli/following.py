"""Watching a job from a terminal: a moving bar there, a few plain lines elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from gradus.cli.guard import FAILED, INTERRUPTED
from gradus.cli.output import complain, console, note
from gradus.core.errors import ConflictError, UnavailableError, from_problem
from gradus.core.event import Event, Metrics, Progress, SnapshotTaken, Warned
from gradus.core.state import ENDED, JobState

if TYPE_CHECKING:
    from gradus.cli.connection import Connection
    from gradus.core.job import Job
    from gradus.core.view.page import EventPage

PERCENT = ("accuracy", "accuracy-top5")  # the last parts of series that are shares of one


LOOK_AGAIN = 0.1  # seconds
EACH = 0.1  # of the whole, between two plain lines


class Screen(Protocol):
    """Where the course of a job is shown."""

    def job(self, job: Job) -> None:
        """Its present state."""

    def event(self, event: Event) -> None:
        """Something it has said."""


class PlainScreen:
    """For files and pipes: a line when something has been reached."""

    def __init__(self) -> None:
        self._state: JobState | None = None
        self._stage = ""
        self._told = 0.0

    def job(self, job: Job) -> None:
        """A line for each state."""
        if job.state != self._state:
            self._state = job.state
            waiting = f" ({job.activity})" if job.state == JobState.WAITING and job.activity else ""
            note(f"{job.name}: {job.state.value}{waiting}")

    def event(self, event: Event) -> None:
        """A line for each stage, validation and warning."""
        if isinstance(event, Progress):
            stage = re.split(r"[0-9]", event.activity)[0]
            if stage != self._stage or event.fraction - self._told >= EACH:
                self._stage, self._told = stage, event.fraction
                note(f"  {event.fraction:4.0%}  {event.activity}")
        else:
            line = told(event)
            if line:
                note(f"        {line}")


class BarScreen:
    """For terminals: one bar that moves, and the milestones above it."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = console(stderr=True)
        self.bar = Progress(
            TextColumn("[bold]{task.fields[name]}"),
            BarColumn(bar_width=32),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self.bar.add_task("", name="", total=1.0)

    def job(self, job: Job) -> None:
        """Name and state."""
        words = job.activity or job.state.value if job.state not in ENDED else job.state.value
        self.bar.update(self._task, name=job.name, description=words)

    def move(self, name: str, fraction: float, activity: str) -> None:
        """Show how far something is."""
        self.bar.update(self._task, name=name, completed=fraction, description=activity)

    def event(self, event: Event) -> None:
        """Move the bar, or write above it."""
        if isinstance(event, Progress):
            rate = f"  {event.rate:,.0f}/s" if event.rate else ""
            self.bar.update(self._task, completed=event.fraction, description=event.activity + rate)
            return
        line = told(event)
        if line:
            self._console.print(f"  {line}", markup=False)


@contextmanager
def step_bar(name: str) -> Iterator[Callable[[float, str], None]]:
    """A bar for work that is done in this process; silent where standard error is no terminal."""
    if not console(stderr=True).is_terminal:
        yield lambda _fraction, _activity: None
        return
    shown = BarScreen()
    with shown.bar:
        yield lambda fraction, activity: shown.move(name, fraction, activity)


@contextmanager
def screen() -> Iterator[Screen]:
    """A bar where standard error is a terminal, plain lines where it is not."""
    if not console(stderr=True).is_terminal:
        yield PlainScreen()
        return
    bar = BarScreen()
    with bar.bar:
        yield bar


def told(event: Event) -> str:
    """A milestone in one line; empty for what is not one."""
    if isinstance(event, Warned):
        return f"warning: {event.message}"
    if isinstance(event, SnapshotTaken):
        return ""
    if isinstance(event, Metrics):
        values = {name: value for name, value in event.values.items() if name.startswith("val/")}
        shown = "  ".join(f"{name} {_value(name, value)}" for name, value in values.items())
        return f"epoch {event.epoch:g}  {shown}" if shown else ""
    return ""


def _value(name: str, value: float | None) -> str:
    if value is None:
        return "not a number"
    return f"{value:.2%}" if name.rsplit("/", 1)[-1] in PERCENT else f"{value:.4f}"


def watch(connection: Connection, job_id: str) -> Job:
    """Show a job until it has ended and return it. When the server goes away, another one is found or hosted."""
    after = 0
    with screen() as shown:
        while True:
            try:
                job = None
                for page in connection.client.jobs.pages(job_id, after=after, patience=2.0):
                    _show(shown, page)
                    after, job = page.next, page.job
                return job or connection.ask(lambda client: client.jobs.get(job_id)).job
            except UnavailableError:
                connection.renew()


def _show(shown: Screen, page: EventPage) -> None:
    """The state, then what was said in it; that a job has ended is the last line."""
    ended = page.job.state in ENDED
    if not ended:
        shown.job(page.job)
    for event in page.events:
        shown.event(event)
    if ended:
        shown.job(page.job)


def stop(connection: Connection, job_id: str) -> Job:
    """Abort a job and return it when it has ended. Its host may be gone by then, having waited for it only."""
    stopped = connection.ask(lambda client: client.jobs.abort(job_id))
    while stopped.state not in ENDED:
        time.sleep(LOOK_AGAIN)
        stopped = connection.ask(lambda client: client.jobs.get(job_id)).job
    return stopped


def see_through(connection: Connection, job_id: str) -> Job:
    """Watch a job that this command has started. Interrupted, it is stopped; failed, the command fails."""
    try:
        job = watch(connection, job_id)
    except KeyboardInterrupt:
        note(f"stopping {job_id}; `gradus jobs resume {job_id}` goes on with it")
        try:
            stop(connection, job_id)
        except (ConflictError, UnavailableError) as error:  # ended by itself, or nobody left to ask
            note(str(error))
        raise typer.Exit(INTERRUPTED) from None
    if job.state != JobState.DONE:
        fail(job)
    return job


def fail(job: Job) -> None:
    """Say why a job has not been done, and end with the exit code for it."""
    if job.problem is not None:
        complain(from_problem(job.problem))
    else:
        note(
            f"Error: {job.name} was {job.state.value}" if job.state == JobState.ABORTED else f"Error: {job.name} failed"
        )
    note(f"Hint: `gradus jobs show {job.id}` has the details.")
    raise typer.Exit(FAILED)
