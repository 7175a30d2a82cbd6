"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted([*(ROOT / "src" / "gradus").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

LONGEST_MODULE = 400  # lines; one subject in a module needs no more
LONGEST_FUNCTION = 80
LONG_MODULES: set[str] = set()  # exceptions by name, with the reason beside it; none may pass 600
THROUGH_ALL = {"browser", "crash", "e2e"}
WITHOUT_TORCH = ["gradus.web.app", "gradus.services.house", "gradus.cli.app", "gradus.cli.hosting", "gradus.client"]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_a_module_has_one_subject_of_readable_length() -> None:
    lines = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: n for name, n in lines.items() if n > (600 if name in LONG_MODULES else LONGEST_MODULE)} == {}


def test_a_module_says_what_it_is_for() -> None:
    modules = {named(path): tree(path) for path in MODULES}
    assert [name for name, module in modules.items() if module.body and not ast.get_docstring(module)] == []


def test_functions_fit_on_a_screen() -> None:
    lengths = {
        f"{named(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


def test_a_list_of_exceptions_names_what_there_is() -> None:
    assert {named(path) for path in MODULES} >= LONG_MODULES


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_the_server_process_has_no_torch(module: str) -> None:
    heavy = "{'torch', 'lightning_fabric', 'tensorflow'} & {name.split('.')[0] for name in sys.modules}"
    code = f"import sys, {module}; print(sorted({heavy}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_no_module_imports_in_a_circle() -> None:
    """Imports inside functions and for typing count too: an order in which all could be written must exist."""
    graph = grimp.build_graph("gradus", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError, which names the circle
    assert order.index("gradus.core.errors") < order.index("gradus.web.app")


def test_tests_lie_where_the_modules_lie() -> None:
    """A folder of tests is named after a room, but for those that go through all of them."""
    rooms = {path.name for path in (ROOT / "src" / "gradus").iterdir() if path.is_dir() and path.name[0] != "_"}
    tested = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert tested - rooms <= THROUGH_ALL
