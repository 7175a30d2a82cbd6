"""What the network says of itself at each step, kept on the device and read seldom.

Reading a number from a GPU waits for everything before it. So each step's scalars stay where they are;
when a point is due they become one table, which comes over in one copy, and the rows since the last
point are averaged. The first row that is not finite tells where a training went wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradus.nets.network import Outputs

ROWS = 1024  # steps between two readings at most


@dataclass(frozen=True)
class Reading:
    """The means since the last reading, and the step (finished iterations) at which the loss was lost."""

    values: dict[str, float | None]
    diverged: int | None


class Recorder:
    """Collects the scalar outputs of one phase; `prefix` goes before their names."""

    def __init__(self, prefix: str, device: torch.device) -> None:
        self._prefix, self._on_host = prefix, device.type == "cpu"
        self._names: list[str] | None = None
        self._kept: list[Tensor] = []  # for each step the loss, then each scalar output
        self._steps: list[int] = []  # that of each row: several batches may make up one

    def add(self, step: int, outputs: Outputs, loss: Tensor) -> bool:
        """Keep one step's scalars. True when they should be read now: enough of them, or plainly not finite."""
        values, loss = outputs.values, loss.detach()
        if self._names is None:
            self._names = [name for name, value in values.items() if value.numel() == 1]
        self._kept.append(loss)
        for name in self._names:
            self._kept.append(values[name])
        self._steps.append(step)
        return len(self._steps) == ROWS or (self._on_host and not math.isfinite(loss.item()))

    def read(self) -> Reading:
        """Everything since the last reading."""
        if self._names is None or not self._steps:
            return Reading({}, None)
        steps, self._steps = self._steps, []
        table = torch.stack([value.reshape(()) for value in self._kept]).view(len(steps), -1)
        self._kept.clear()
        rows = table.double().cpu().numpy()
        lost = np.flatnonzero(~np.isfinite(rows[:, 0]))
        with np.errstate(over="ignore", invalid="ignore"):
            means = rows[:, 1:].mean(axis=0)
        values = {self._prefix + name: finite(mean) for name, mean in zip(self._names, means.tolist(), strict=True)}
        return Reading(values, steps[int(lost[0])] if lost.size else None)


class Average:
    """The mean of each scalar output over a validation pass, each batch weighing as many pictures as it has."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, outputs: Outputs, count: int) -> None:
        """Add one batch; nothing is read from the device."""
        for name, value in outputs.values.items():
            if value.numel() == 1:
                weighed = value.reshape(()).double() * count
                self._sums[name] = self._sums[name] + weighed if name in self._sums else weighed
        self._count += count

    def read(self) -> dict[str, float | None]:
        """The means, by series name."""
        return {self._prefix + name: finite(total.item() / self._count) for name, total in self._sums.items()}


def finite(value: float) -> float | None:
    """The value, or None where JSON and a chart have no number for it."""
    return value if math.isfinite(value) else None
