"""Options that several commands have, written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="The home folder. Default: GRADUS_HOME, else the user data folder of this platform.",
        show_default=False,
        file_okay=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DetachOption = Annotated[
    bool, typer.Option("--detach", "-d", help="Return at once and leave the work to the background.")
]
SnapshotOption = Annotated[
    str | None,
    typer.Option(
        "--snapshot", metavar="NAME", help="Which weights, by name or epoch. Default: the last.", show_default=False
    ),
]
