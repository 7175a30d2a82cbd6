"""What every benchmark is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.digits import Digits


@dataclass(frozen=True)
class Setting:
    """`work` is an empty folder of the benchmark's own, removed afterwards."""

    digits: Digits
    rounds: int
    work: Path
