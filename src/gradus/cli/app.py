"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from gradus.cli import caffe, dataset, jobs, plugins, quality
from gradus.cli.demo import demo
from gradus.cli.doctor import doctor
from gradus.cli.evaluate import evaluate
from gradus.cli.output import say
from gradus.cli.predict import predict
from gradus.cli.sample import sample
from gradus.cli.serve import serve
from gradus.cli.token import token
from gradus.cli.train import train
from gradus.cli.version import version_line

WORK, LOOK, RUN = "From pictures to a model", "Jobs", "Server and system"

app = typer.Typer(
    name="gradus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(version_line())
        raise typer.Exit


@app.callback()
def gradus(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Gradus: images in, a trained network out, everything visible on the way.

    Commands work on the home folder: through the server that holds it, or by themselves where none runs.
    Exit codes: 0 done, 1 a job failed, 2 wrong usage or input, 3 the server cannot start.
    """


app.command(rich_help_panel=WORK)(demo)
app.command(rich_help_panel=WORK)(sample)
dataset.app.command("quality")(quality.quality)
dataset.app.command("version")(quality.version)
app.add_typer(dataset.app, name="dataset", rich_help_panel=WORK)
app.command(rich_help_panel=WORK)(train)
app.command(rich_help_panel=WORK)(predict)
app.command(rich_help_panel=WORK)(evaluate)
app.add_typer(caffe.app, name="caffe", rich_help_panel=WORK)
app.add_typer(jobs.app, name="jobs", rich_help_panel=LOOK)
app.command(rich_help_panel=RUN)(serve)
app.command(rich_help_panel=RUN)(doctor)
app.add_typer(plugins.app, name="plugins", rich_help_panel=RUN)
app.command(rich_help_panel=RUN)(token)
