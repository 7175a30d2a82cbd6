"""A long series thinned out to what a chart can show, without losing a peak."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def thin(values: Floats, most: int) -> Indices:
    """The positions to keep, at most `most` of them, in order.

    The series is cut into stretches of equal length; of each, the lowest and the highest value are kept
    and, where there is one, a NaN, so that a gap stays a gap. First and last always stay.
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    if most < 5:
        return np.unique(np.linspace(0, count - 1, most).astype(np.intp))
    stretches = (most - 2) // 3
    width = -(-count // stretches)
    padded = np.full(stretches * width, np.nan)
    padded[:count] = values
    table = padded.reshape(stretches, width)
    missing = np.isnan(table)
    starts = np.arange(stretches) * width
    lowest = starts + np.where(missing, np.inf, table).argmin(axis=1)
    highest = starts + np.where(missing, -np.inf, table).argmax(axis=1)
    gaps = (starts + missing.argmax(axis=1))[missing.any(axis=1)]
    kept = np.unique(np.concatenate([lowest, highest, gaps, [0, count - 1]]))
    return kept[kept < count].astype(np.intp)
