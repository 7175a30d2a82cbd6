"""What this is, in one line."""

from __future__ import annotations

import gradus


def version_line() -> str:
    """Name and version."""
    return f"gradus {gradus.__version__}"
