"""Boxes as tensors (..., 4) of xmin, ymin, xmax, ymax: overlap, coding against priors, suppression (catalogue 1.11).

Facts from the SSD paper (Liu et al. 2016, arXiv:1512.02325) and the behaviour of its Caffe.
"""

from __future__ import annotations

import torch
from torch import Tensor

CORNER, CENTER_SIZE, CORNER_SIZE = 1, 2, 3  # PriorBoxParameter.CodeType
_PAIRS = 2**24  # overlaps held at once while suppressing: 64 MiB


def area(boxes: Tensor) -> Tensor:
    """Width times height; 0 for a box that is inside out."""
    return (boxes[..., 2] - boxes[..., 0]).clamp(min=0) * (boxes[..., 3] - boxes[..., 1]).clamp(min=0)


def intersection(a: Tensor, b: Tensor) -> Tensor:
    """The area that two boxes share; `a` and `b` broadcast."""
    across, down = (torch.minimum(a[..., i + 2], b[..., i + 2]) - torch.maximum(a[..., i], b[..., i]) for i in (0, 1))
    return across.clamp_(min=0) * down.clamp_(min=0)


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union (the Jaccard overlap), 0 where the boxes do not meet; `a` and `b` broadcast."""
    shared = intersection(a, b)
    return torch.where(shared > 0, shared / (area(a) + area(b) - shared), 0.0)


def outside(boxes: Tensor) -> Tensor:
    """Which of the four coordinates lie outside the picture, whose sides are 1."""
    return (boxes < 0) | (boxes > 1)


def _frame(priors: Tensor) -> tuple[Tensor, Tensor]:
    """Centres and sizes, each (..., 2)."""
    size = priors[..., 2:] - priors[..., :2]
    return priors[..., :2] + size / 2, size


def encode(boxes: Tensor, priors: Tensor, code: int) -> Tensor:
    """What a network has to predict for a box, seen from its prior; not yet divided by the variances."""
    centre, size = _frame(priors)
    if code == CENTER_SIZE:
        where, extent = _frame(boxes)
        return torch.cat([(where - centre) / size, torch.log(extent / size)], -1)
    offset = boxes - priors
    return offset / size.repeat(*[1] * (size.dim() - 1), 2) if code == CORNER_SIZE else offset


def decode(offsets: Tensor, priors: Tensor, code: int) -> Tensor:
    """The boxes that offsets (times the variances already) mean: the inverse of `encode`."""
    centre, size = _frame(priors)
    if code == CENTER_SIZE:
        where, half = offsets[..., :2] * size + centre, torch.exp(offsets[..., 2:]) * size / 2
        return torch.cat([where - half, where + half], -1)
    if code == CORNER_SIZE:
        offsets = offsets * size.repeat(*[1] * (size.dim() - 1), 2)
    return priors + offsets


def suppress(boxes: Tensor, valid: Tensor, threshold: float, eta: float = 1.0) -> Tensor:
    """Which boxes survive non-maximum suppression: bool (B, K) for boxes (B, K, 4), best first in each of B groups.

    A box goes when it overlaps a kept one before it by more than the threshold. With `eta` below 1 the threshold
    is multiplied by it after each kept box while it is above 0.5. `valid` (B, K) masks what is no candidate.
    """
    groups, count = valid.shape
    if not count:
        return valid
    step = max(1, _PAIRS // count**2)
    parts = [
        _suppress(b, v, threshold, eta) for b, v in zip(torch.split(boxes, step), torch.split(valid, step), strict=True)
    ]
    return torch.cat(parts) if groups else valid


def _suppress(boxes: Tensor, valid: Tensor, threshold: float, eta: float) -> Tensor:
    """The survivors depend on the survivors before them only: repeating the rule from all candidates settles."""
    pairs = overlap(boxes.unsqueeze(2), boxes.unsqueeze(1)).tril(-1)  # row: the later box, column: the earlier one
    limits = _limits(threshold, eta, valid.shape[1]).to(boxes)
    keep = valid
    over = pairs > limits[0]
    while True:
        if len(limits) > 1:
            before = (keep.cumsum(1) - keep.long()).clamp(max=len(limits) - 1)
            over = pairs > limits[before].unsqueeze(2)
        after = valid & ~(over & keep.unsqueeze(1)).any(2)
        if torch.equal(after, keep):
            return keep
        keep = after


def _limits(threshold: float, eta: float, count: int) -> Tensor:
    """The threshold after 0, 1, 2... kept boxes, as far as it changes."""
    limits = [threshold]
    while eta < 1 and limits[-1] > 0.5 and len(limits) < count:
        limits.append(limits[-1] * eta)
    return torch.tensor(limits)
