"""Caffe's Python module, pycaffe, on our nets: `finder.install()` makes `import caffe` find it (catalogue 5.2).

Names are imported when they are first asked for: a user's layer needs only `caffe.Layer`.
"""

from __future__ import annotations

import importlib
from typing import Any

from gradus.nets.caffe.pycaffe.errors import CaffeAttributeError

TRAIN, TEST = 0, 1
__version__ = "1.0.0"  # the Caffe whose surface this is

_HERE = {
    "layer": ("Layer",),
    "net": ("Net",),
    "solver": (
        "SGDSolver", "NesterovSolver", "AdaGradSolver", "RMSPropSolver", "AdaDeltaSolver", "AdamSolver", "get_solver",
    ),
    "net_spec": ("NetSpec", "params", "to_proto"),
    "classifier": ("Classifier",),
    "detector": ("Detector",),
    "single": ("LayerParameter", "LayerBase", "create_layer"),
    "process": (
        "set_mode_cpu", "set_mode_gpu", "set_device", "set_devices", "set_random_seed", "layer_type_list",
        "solver_count", "set_solver_count", "solver_rank", "set_solver_rank", "set_multiprocess", "init_log", "log",
        "has_nccl", "NCCL", "Timer",
    ),
}  # fmt: skip
_MODULES = ("io", "layers", "proto", "coord_map", "draw", "net_spec", "classifier", "detector")
_WHERE = {name: module for module, names in _HERE.items() for name in names}

__all__ = [*_WHERE, "TEST", "TRAIN", "__version__", "io", "layers"]


def __getattr__(name: str) -> Any:
    """A name of the surface, from the module that has it."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise CaffeAttributeError(f"module 'caffe' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The whole surface."""
    return sorted({*globals(), *__all__, *_MODULES})
