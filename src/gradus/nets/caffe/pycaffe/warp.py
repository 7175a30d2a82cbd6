"""Resizing as scikit-image did it when Caffe's Python code was written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradus.nets.caffe.pycaffe.errors import CaffeValueError


def resize_image(im: np.ndarray, new_dims: Sequence[int], interp_order: int = 1) -> np.ndarray:
    """An (H, W, K) picture resized to `new_dims` (height, width), float32.

    Orders are 0 (nearest) and 1 (bilinear, not smoothed when it shrinks). Pictures of one or three channels are
    sampled at pixel centres and meet their own minimum beyond the border; others are sampled from corner to corner.
    """
    if interp_order not in (0, 1):
        raise CaffeValueError(f"interp_order {interp_order} is not known", hint="Use 0 (nearest) or 1 (bilinear).")
    if im.ndim != 3 or not im.size or min(new_dims) < 1:
        raise CaffeValueError(f"an array of {im.shape} cannot be resized to {tuple(new_dims)}")
    values = im.astype(np.float64)
    picture = im.shape[2] in (1, 3)
    low = values.min() if picture else 0.0
    rows, columns = (
        _weights(old, int(new), interp_order, centred=picture) for old, new in zip(im.shape, new_dims, strict=False)
    )
    resized = np.einsum("yh,hwk,xw->yxk", rows, values - low, columns, optimize=True) + low
    return np.asarray(resized, np.float32)


def _weights(old: int, new: int, order: int, *, centred: bool) -> np.ndarray:
    """(new, old): how much each old pixel counts in each new one. Weight that falls outside is lost."""
    at = np.arange(new)
    where = (at + 0.5) * old / new - 0.5 if centred else at * ((old - 1) / max(1, new - 1))
    distance = np.abs(where[:, None] - np.arange(old))
    if order == 1:
        return np.asarray(np.maximum(0, 1 - distance))
    return np.asarray(np.arange(old) == distance.argmin(1)[:, None], np.float64)
