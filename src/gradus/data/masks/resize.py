"""Masks at the size of the dataset: each pixel takes the number of the one nearest to its centre, none is mixed.

The geometry is that of pictures (`gradus.data.resize`), so that a mask stays over its picture; bands, where a
picture has black, are ignored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import ResizeMode
from gradus.data.resize import geometry

IGNORED = 255  # the number that counts for no class

Mask = NDArray[np.uint8]


def fit_mask(mask: Mask, width: int, height: int, mode: ResizeMode, band: int = IGNORED) -> Mask:
    """A mask (H, W) as (height, width); `band` is what stands beside it where it does not fill that."""
    if mask.shape == (height, width):
        return mask
    plan = geometry(mask.shape[1], mask.shape[0], (width, height), mode)
    across, down = (
        _nearest(mask.shape[1 - side], plan.scaled[side], plan.start[side], plan.kept[side]) for side in (0, 1)
    )
    kept = mask[down[:, None], across]
    if plan.kept == (width, height):
        return kept
    out = np.full((height, width), band, np.uint8)
    left, top = (width - plan.kept[0]) // 2, (height - plan.kept[1]) // 2
    out[top : top + plan.kept[1], left : left + plan.kept[0]] = kept
    return out


def _nearest(source: int, scaled: int, start: int, kept: int) -> NDArray[np.int64]:
    """Pixel i of `scaled` has its centre at (i + 1/2) source / scaled; in whole numbers, so that none is rounded."""
    places = np.arange(start, start + kept, dtype=np.int64)
    return (2 * places + 1) * source // (2 * scaled)
