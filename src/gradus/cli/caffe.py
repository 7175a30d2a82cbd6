"""`gradus caffe COMMAND`: Caffe's own command line, on PyTorch.

Nothing is understood here: the command becomes `python -m gradus.engine.caffe` in this very process, so that
signals, standard error and the exit code are its own, and so that only it loads PyTorch.
"""

from __future__ import annotations

import os
import sys

import typer

from gradus.jobs.environment import worker_environment

# All arguments are the command's own: `-solver`, `--solver=...` and `-h` included.
_UNTOUCHED = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    no_args_is_help=True, help="Caffe's command line: caffe's own flags, log lines, snapshots and signals, on PyTorch."
)


def _become(context: typer.Context) -> None:
    """Replace this process; the threads of a computation wait for each other as in our workers."""
    command = [sys.executable, "-P", "-m", "gradus.engine.caffe", str(context.info_name), *context.args]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**worker_environment({}), **os.environ})


COMMANDS = {
    "train": "Train or finetune a network: --solver=FILE [--weights=A,B | --snapshot=FILE] [--gpu=0].",
    "test": "Score a network: --model=FILE --weights=FILE [--iterations=50] [--gpu=0].",
    "time": "Time a network layer by layer: --model=FILE [--iterations=50] [--phase=TRAIN] [--gpu=0].",
    "upgrade": "Bring a network or solver up to date, text or binary: IN OUT.",
    "deploy": "Write the text of a network that predicts: TRAIN_TEST.prototxt DEPLOY.prototxt.",
    "draw": "Draw a network with shapes and counts: IN OUT.svg (or .dot, .png, .pdf) [--phase=TRAIN] [--rankdir=TB].",
    "python": "Run a script that says `import caffe`: SCRIPT [ARGUMENT...].",
    "device_query": "Say which GPUs there are: [--gpu=all].",
}
for _name, _help in COMMANDS.items():
    app.command(_name, help=_help, context_settings=_UNTOUCHED, add_help_option=False)(_become)
