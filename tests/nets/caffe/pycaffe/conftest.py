"""pycaffe as user code finds it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gradus.nets.caffe.pycaffe import finder


@pytest.fixture(scope="session")
def caffe() -> ModuleType:
    """`import caffe`."""
    finder.install()
    return importlib.import_module("caffe")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a text and gives its path."""

    def written(text: str, name: str = "net.prototxt") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written
