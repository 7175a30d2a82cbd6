"""Which Python a network may run, and the one place where it is imported.

A Python layer names a module, and importing a module runs it. So a process runs none but what ships with us
(`caffe.layers.*`) until it says otherwise:

- a worker permits the folder of its job, where the user's file lies as `digits_python_layers.py`;
- `gradus caffe` and scripts that `import caffe` are the user's own processes: `permit_all()` lets them import
  whatever Python finds there, from the working directory and PYTHONPATH.

The server imports none of this.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from gradus.core.errors import InputError
from gradus.nets.caffe.pycaffe import finder

FILE = "digits_python_layers.py"  # what DIGITS calls the user's file in a job's folder
SHIPPED = "caffe.layers."


class RefusedError(InputError):
    """A module that may not be imported, or that is not there."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where modules may come from beside our own: these folders, or all of Python's path."""

    folders: tuple[Path, ...] = ()
    everywhere: bool = False


_policy = Policy()


def permit(*folders: Path) -> None:
    """Let this process import modules that lie in these folders, and no others."""
    _set(Policy(tuple(folder.resolve() for folder in folders)))


def permit_all() -> None:
    """Let this process import whatever Python finds: for programs that the user starts."""
    _set(Policy(everywhere=True))


@contextmanager
def permitted(policy: Policy) -> Iterator[None]:
    """Another policy for a while."""
    before = _policy
    _set(policy)
    try:
        yield
    finally:
        _set(before)


def _set(policy: Policy) -> None:
    global _policy
    _policy = policy


def load(name: str) -> ModuleType:
    """The module that a network names, imported; what it raises meanwhile is the caller's to explain.

    RefusedError where it is none of those permitted, or is not there.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise RefusedError(f'"{name[:80]}" is not the name of a Python module', hint='For example: module: "my_layers"')
    finder.install()
    if name.startswith(SHIPPED):
        return _import(name)
    if _policy.everywhere:
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.append(here)
        return _import(name)
    if not _policy.folders:
        raise RefusedError(
            f'the module "{name}" may not be imported: no file with Python layers was given',
            hint=f'Give the file with the layers along with the network, and write module: "{Path(FILE).stem}".',
        )
    spec = _spec(name, _policy.folders)
    if spec is None:
        raise RefusedError(
            f'the module "{name}" is not in the file with Python layers that was given',
            hint=f'Only that file may be imported: write module: "{Path(FILE).stem}".',
        )
    return _run(name, spec)


def _import(name: str) -> ModuleType:
    """Import by name. A module that is missing is refused; one that misses another has failed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or not f"{name}.".startswith(f"{problem.name}."):
            raise
        raise RefusedError(
            f'there is no module "{name}"', hint="Start in the folder that has it, or name that folder in PYTHONPATH."
        ) from problem


def _spec(name: str, folders: tuple[Path, ...]) -> ModuleSpec | None:
    """Where a module lies below these folders, if it is a file that lies there itself and is not linked in."""
    search = [str(folder) for folder in folders]
    spec: ModuleSpec | None = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or ())
    assert spec is not None
    if not spec.has_location or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    real = Path(os.path.realpath(spec.origin))
    return spec if any(real.is_relative_to(folder) for folder in folders) else None


class _Loader(SourceFileLoader):
    def set_data(self, *_: object, **__: object) -> None:
        """Leave no compiled file in the folder."""


def _run(name: str, found: ModuleSpec) -> ModuleType:
    """The module of this file, run once in this process."""
    assert found.origin is not None
    present = sys.modules.get(name)
    if present is not None and getattr(present, "__file__", None) == found.origin:
        return present
    loader = _Loader(name, found.origin)
    spec = importlib.util.spec_from_file_location(name, found.origin, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
