"""Gradus: images in, a trained network out, everything visible on the way.

Importing it costs nothing: the client and the version are looked up when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradus.client import Client

__all__ = ["Client", "__version__"]

__version__: str


def __getattr__(name: str) -> object:
    if name == "Client":
        from gradus.client import Client

        return Client
    if name == "__version__":
        from importlib.metadata import version

        return version("gradus")
    raise AttributeError(f"module 'gradus' has no attribute {name!r}")
