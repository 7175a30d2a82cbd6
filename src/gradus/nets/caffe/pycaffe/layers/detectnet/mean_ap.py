"""How good DetectNet's lists of boxes are (catalogue 1.10)."""

from __future__ import annotations

import numpy as np

from gradus.nets.caffe.pycaffe.blob import Blob
from gradus.nets.caffe.pycaffe.errors import CaffeValueError
from gradus.nets.caffe.pycaffe.layer import Layer
from gradus.nets.caffe.pycaffe.layers.detectnet.clustering import MAX_BOXES

ENOUGH = 0.7  # the overlap from which a detection finds a true box
FOUND, FALSE, MISSED = 1, 2, 3  # the fifth number of a scored row


class ScoreDetections(Layer):
    """True boxes and detections, (N, 50, 5) each, to rows of left, top, right, bottom and FOUND, FALSE or MISSED.

    Each true box, in order, takes the first detection that overlaps it enough and that no other has taken.
    """

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Nothing to read."""

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        """A list of 50 for each picture."""
        number, other = (len(blob.data) for blob in bottom[:2])
        if number != other:
            raise CaffeValueError(f"there are true boxes for {number} pictures and detections for {other}")
        top[0].reshape(number, MAX_BOXES, 5)

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Found ones first, then false ones, then those that were missed."""
        out = np.zeros_like(top[0].data)
        for n, (true, detected) in enumerate(zip(bottom[0].data, bottom[1].data, strict=True)):
            rows = score(_used(true), _used(detected))
            if len(rows) > MAX_BOXES:
                raise CaffeValueError(f"picture {n} has {len(rows)} found and missed boxes, more than {MAX_BOXES}")
            out[n, : len(rows)] = rows
        top[0].data[...] = out


class mAP(Layer):
    """Scored rows (N, 50, 5) to three numbers: precision * recall / 100, precision and recall, in percent.

    They are called mAP, precision and recall in DIGITS' networks; the first is not a mean over anything.
    """

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """What `param_str` says is not needed."""

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:  # noqa: ARG002 - Caffe's interface
        """Three numbers."""
        for blob in top:
            blob.reshape(1)

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        """0 where there is nothing to divide by."""
        kind = bottom[0].data[:, :, 4]
        found, false, missed = (int((kind == k).sum()) for k in (FOUND, FALSE, MISSED))
        precision = 100 * found / max(1, found + false)
        recall = 100 * found / max(1, found + missed)
        for blob, value in zip(top, (precision * recall / 100, precision, recall), strict=True):
            blob.data[...] = value


def score(true: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """The scored rows of one picture from its boxes (count, 4)."""
    enough = overlaps(true, detected) >= ENOUGH
    free = np.ones(len(detected), np.bool_)
    missed = np.zeros(len(true), np.bool_)
    for i, fits in enumerate(enough):
        takes = np.flatnonzero(fits & free)[:1]
        free[takes] = False
        missed[i] = not len(takes)
    parts = ((detected[~free], FOUND), (detected[free], FALSE), (true[missed], MISSED))
    return np.concatenate([np.insert(rows, 4, kind, axis=1) for rows, kind in parts])


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of all pairs: (len(a), len(b))."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    shared = sides.clip(min=0).prod(2)
    union = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1) - shared
    result: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return result


def _used(rows: np.ndarray) -> np.ndarray:
    """The corners of the rows that are not all 0."""
    corners = rows[:, :4].astype(np.float64)
    return corners[corners.any(1)]
