"""`L` of `from caffe import layers as L`: `L.Convolution(...)` for every type; and layers that ship in Python."""

from __future__ import annotations

from typing import Any

from gradus.nets.caffe.pycaffe.errors import CaffeAttributeError
from gradus.nets.caffe.pycaffe.net_spec import layer_function


def __getattr__(name: str) -> Any:
    """A function that makes a layer of this type."""
    if not name[:1].isupper():
        raise CaffeAttributeError(f"module {__name__!r} has no attribute {name!r}")
    return layer_function(name)
