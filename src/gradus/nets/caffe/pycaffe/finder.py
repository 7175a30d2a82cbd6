"""`import caffe` finds our module, in every process that asked for it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from gradus.core.errors import ConflictError

NAME = "caffe"
_HERE = __name__.rpartition(".")[0]


class _Same(Loader):
    """Loads a module by giving the one of ours, so that it is one module under both names."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the interface
        """Our module, imported."""
        module = importlib.import_module(self._ours)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; it keeps the spec under which it did."""
        module.__spec__ = self._spec


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None  # noqa: ARG002
    ) -> ModuleSpec | None:  # fmt: skip
        """`caffe.x` where we have such a module; a name that is not there is left to others, who will not find it."""
        if fullname != NAME and not fullname.startswith(f"{NAME}."):
            return None
        ours = _HERE + fullname[len(NAME) :]
        found = importlib.util.find_spec(ours)
        if found is None:
            return None
        package = found.submodule_search_locations is not None
        return ModuleSpec(fullname, _Same(ours), origin=found.origin, is_package=package)


def install() -> None:
    """Make `import caffe` find this package from now on; once is enough, more does no harm.

    It comes before any Caffe that is installed, but never takes the place of one that is imported already:
    classes of two Caffes in one process do not mix, so that is a ConflictError.
    """
    present = sys.modules.get(NAME)
    if present is not None and present is not sys.modules.get(_HERE):
        raise ConflictError(
            "another module named caffe is imported in this process already",
            hint="Use one of the two: leave out the import of the other, or start a new process.",
        )
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
