"""Pictures that are suspicious by themselves or beside the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradus.core.flaw import Flaw, bits
from gradus.data.quality.samples import Samples

UNIFORM = 3.0  # deviation of luminance, of 255
OUTLIER, LEAST_SPREAD = 4.0, 4.0  # robust deviations from the median; what a deviation is at least, of 255
DARK, BRIGHT = 32.0, 223.0  # of 255: nothing between is called either
LONG, LONGER = 4.0, 3.0  # the ratio of the sides, and how many times that of the median picture it is
SCALED, SMALLER = 2.0, 4.0  # by how much both sides are enlarged, and how many times smaller it is than the median one


def find_odd(samples: Samples, target: tuple[int, int] | None) -> NDArray[np.uint32]:
    """For each sample its flaws. `target` is the (width, height) that all have been brought to."""
    flaws = np.zeros(len(samples), np.uint32)
    width, height = samples.column("width").astype(np.float64), samples.column("height").astype(np.float64)
    is_picture = (width > 0) & (height > 0)
    if not is_picture.any():
        return flaws
    width, height = np.where(is_picture, width, 1), np.where(is_picture, height, 1)
    contrast = samples.column("contrast")
    brightness = samples.column("brightness").astype(np.float64)
    middle = np.median(brightness[is_picture])
    spread = max(LEAST_SPREAD, 1.4826 * float(np.median(np.abs(brightness[is_picture] - middle))))
    apart = (brightness - middle) / spread
    ratio = np.log2(width / height)
    usual = np.median(ratio[is_picture])
    area = width * height
    found = {
        Flaw.UNIFORM: contrast < UNIFORM,
        Flaw.DARK: (apart < -OUTLIER) & (brightness < DARK),
        Flaw.BRIGHT: (apart > OUTLIER) & (brightness > BRIGHT),
        Flaw.ASPECT: (np.abs(ratio) >= np.log2(LONG)) & (np.abs(ratio - usual) >= np.log2(LONGER)),
    }
    if target is not None:
        scaled = (width * SCALED <= target[0]) & (height * SCALED <= target[1])
        found[Flaw.ENLARGED] = scaled & (area * SMALLER <= np.median(area[is_picture]))
    for flaw, which in found.items():
        flaws[which & is_picture] |= np.uint32(bits((flaw,)))
    return flaws
