"""The boxes of one picture while it is cropped, padded and resized: shares of its sides (catalogue 1.8, 4.1).

Arrays of boxes are float64 (B, 4): xmin, ymin, xmax, ymax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

CENTER, MIN_OVERLAP = 0, 1  # EmitConstraint.EmitType

Boxes = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Annotations:
    """What an AnnotatedDatum says about its picture, a row for each box."""

    boxes: Boxes  # (B, 4)
    marks: NDArray[np.float64]  # (B, 3): group_label, instance_id, difficult

    def where(self, keep: NDArray[np.bool_]) -> Annotations:
        """Some of them."""
        return Annotations(self.boxes[keep], self.marks[keep])

    def on(self, boxes: Boxes) -> Annotations:
        """The same at other places."""
        return replace(self, boxes=boxes)


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Width times height, 0 where a box is inside out."""
    found: NDArray[np.float64] = (boxes[..., 2:] - boxes[..., :2]).clip(min=0).prod(-1)
    return found


def shared(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """The area of the intersections; `a` and `b` broadcast."""
    return area(np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], -1))


def coverage(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """The share of `a` that lies in `b`."""
    both, mine = shared(a, b), area(a)
    return np.divide(both, mine, out=np.zeros_like(both), where=both > 0)


def jaccard(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Intersection over union."""
    both = shared(a, b)
    return np.divide(both, area(a) + area(b) - both, out=np.zeros_like(both), where=both > 0)


def seen_in(window: Boxes, found: Annotations, p: Any) -> Annotations:
    """What a crop (or an expansion, which reaches past the sides) of a picture shows, as shares of its own sides.

    With an `emit_constraint` in the TransformationParameter a box counts by its centre or by its covered share.
    """
    boxes = found.boxes
    low, size = window[:2], window[2:] - window[:2]
    moved = ((boxes - np.tile(low, 2)) / np.tile(size, 2)).clip(0, 1)
    keep = (boxes[:, :2] < window[2:]).all(1) & (boxes[:, 2:] > low).all(1) & (area(moved) > 0)
    if p.HasField("emit_constraint"):
        if p.emit_constraint.emit_type == CENTER:
            centre = (boxes[:, :2] + boxes[:, 2:]) / 2
            keep &= ((centre >= low) & (centre <= window[2:])).all(1)
        else:
            keep &= coverage(boxes, window) > p.emit_constraint.emit_overlap
    return found.on(moved).where(keep)


def mirrored(boxes: Boxes) -> Boxes:
    """Left and right exchanged."""
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)
