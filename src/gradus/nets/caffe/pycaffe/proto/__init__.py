"""Caffe's protobuf messages under the name that its Python code uses: after `import caffe` alone, as in Caffe."""

from __future__ import annotations

import importlib
from typing import Any

from gradus.nets.caffe.pycaffe.errors import CaffeAttributeError


def __getattr__(name: str) -> Any:
    """`caffe_pb2`, imported when it is first asked for."""
    if name == "caffe_pb2":
        return importlib.import_module(f"{__name__}.{name}")
    raise CaffeAttributeError(f"module 'caffe.proto' has no attribute {name!r}")
