"""How many threads work pays for here."""

from __future__ import annotations

import os


def cores() -> int:
    """The processor cores this process may run on."""
    return len(os.sched_getaffinity(0))
