"""Caffe on PyTorch: `Net` for Python users, `solver_text` for a model's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradus.nets.caffe.solvers.form import solver_text

if TYPE_CHECKING:
    from gradus.nets.caffe.net import Net

__all__ = ["Net", "solver_text"]


def __getattr__(name: str) -> Any:
    """`Net` imports torch, so it is imported when it is first asked for."""
    if name == "Net":
        from gradus.nets.caffe.net import Net

        return Net
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
