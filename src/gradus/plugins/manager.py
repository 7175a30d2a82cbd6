"""The plugins that are installed: found by their entry points, called through pluggy.

One that does not load is told with its error, and the others work on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import pluggy

from gradus.core.errors import NotFoundError
from gradus.plugins import hookspec

if TYPE_CHECKING:
    from gradus.plugins.data import Kind

GROUP = "gradus.data"


class Hooks:
    """What a plugin may implement."""

    @hookspec
    def gradus_data_kinds(self) -> list[Kind]:
        """The kinds of data that a plugin of the group `gradus.data` provides."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: its name, the distribution it is of, and what it provides, or why it does not load."""

    name: str
    distribution: str
    version: str
    kinds: tuple[Kind, ...] = ()
    error: str = ""


@lru_cache(maxsize=1)
def plugins() -> tuple[Plugin, ...]:
    """Every installed plugin, in the order of their names. Looked for once."""
    manager = pluggy.PluginManager("gradus")
    manager.add_hookspecs(Hooks)
    taken: set[str] = set()
    return tuple(_load(manager, point, taken) for point in sorted(entry_points(group=GROUP), key=lambda p: p.name))


def kinds() -> dict[str, Kind]:
    """Every kind of data by its id."""
    return {kind.id: kind for plugin in plugins() for kind in plugin.kinds}


def kind(identity: str) -> Kind:
    """The kind of an id; `NotFoundError` names those that there are."""
    found = kinds()
    if identity not in found:
        raise NotFoundError(
            f"There is no kind of data “{identity}”; there are: classification, {', '.join(sorted(found))}",
            field="type", hint="Install the plugin that provides it, and start Gradus again.",
        )  # fmt: skip
    return found[identity]


def _load(manager: pluggy.PluginManager, point: EntryPoint, taken: set[str]) -> Plugin:
    """Load one plugin. It is another's code: whatever it raises is told as its error."""
    name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
    try:
        module = point.load()
        manager.register(module, name=point.name)
        caller = manager.subset_hook_caller(
            "gradus_data_kinds", [p for n, p in manager.list_name_plugin() if n != point.name]
        )
        found = tuple(each for part in caller() for each in part)
        if twice := next((each.id for each in found if each.id in taken), None):
            raise ValueError(f"the id {twice} is taken by another plugin")
    except Exception as error:
        return Plugin(point.name, name, version, error=f"{type(error).__name__}: {error}")
    taken.update(each.id for each in found)
    return Plugin(point.name, name, version, found)
