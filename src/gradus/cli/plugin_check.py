"""`gradus plugins check`: whether a kind of data keeps to the rules, for those who write one."""

from __future__ import annotations

from typing import Annotated

import typer

from gradus.cli.common import JsonOption
from gradus.cli.guard import FAILED, guarded
from gradus.cli.output import note, plain, say_json
from gradus.core.errors import InputError


@guarded
def check(
    name: Annotated[str, typer.Argument(help="The id of an installed kind, or a module with gradus_data_kinds.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of its form, such as a folder with a few samples."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what is wrong with a kind of data. Exit code 1 if there is anything."""
    from gradus.plugins.check import checked

    found = checked(name, dict(map(_pair, given or [])))
    if as_json:
        say_json(found)
    else:
        for each in found:
            for finding in each.findings:
                note(f"{plain(each.kind)}: {plain(str(finding))}")
            if not each.findings:
                note(f"{plain(each.kind)}: nothing wrong was found")
    if any(each.findings for each in found):
        raise typer.Exit(FAILED)


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise InputError(f"{text!r} is not of the form FIELD=VALUE", field="set")
    return name, value
