"""`gradus plugins`: what is installed, and whether it keeps to the rules."""

from __future__ import annotations

import typer

from gradus.cli.common import JsonOption
from gradus.cli.guard import guarded
from gradus.cli.output import plain, say_json, say_table, table
from gradus.cli.plugin_check import check

app = typer.Typer(no_args_is_help=True, help="Plugins that are installed.")
app.command("check")(check)


@app.command("list")
@guarded
def list_plugins(as_json: JsonOption = False) -> None:
    """Every plugin with the kinds of data it provides, where it is from, and its error if it does not load."""
    from gradus.services import kinds

    found = kinds.plugins()
    if as_json:
        say_json(found)
        return
    titles = {kind.id: f"{kind.title} ({kind.category})" for kind in kinds.listing()}
    shown = table("id", "title", "from", "version", "error")
    for plugin in found:
        for identity in plugin.kinds or [plugin.name]:
            shown.add_row(
                plain(identity), plain(titles.get(identity, "")), plain(plugin.distribution), plain(plugin.version),
                f"[red]{plain(plugin.error)}[/]" if plugin.error else "",
            )  # fmt: skip
    say_table(shown)
