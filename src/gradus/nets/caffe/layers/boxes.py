"""Boxes as tensors (..., 4) of xmin, ymin, xmax, ymax: overlap, coding against priors, suppression (catalogue 1.11).

Facts from the SSD paper (Liu et al. 2016, arXiv:1512.02325) and the behaviour of its Caffe.
"""

from __future__ import annotations

import torch
from torch import Tensor

CORNER, CENTER_SIZE, CORNER_SIZE = 1, 2, 3  # PriorBoxParameter.CodeType
_PAIRS = 2**24  # overlaps held at once while suppressing: 64 MiB
_BLOCK = 1024  # boxes compared with all before them at once


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
    if not groups or not count:
        return valid
    limits = _limits(threshold, eta, count).to(boxes)
    step = max(1, _PAIRS // (count * min(count, _BLOCK)))
    parts = zip(torch.split(boxes, step), torch.split(valid, step), strict=True)
    return torch.cat([_suppress(some, candidates, limits) for some, candidates in parts])


def _suppress(boxes: Tensor, valid: Tensor, limits: Tensor) -> Tensor:
    """Block by block, so that memory grows with the number of boxes and not with its square."""
    keep = torch.zeros_like(valid)
    for start in range(0, valid.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        worst = boxes.new_zeros(valid[:, block].shape)  # the highest overlap with a box kept before the block
        if start:
            before = overlap(boxes[:, block].unsqueeze(2), boxes[:, :start].unsqueeze(1))
            worst = torch.where(keep[:, :start].unsqueeze(1), before, 0.0).amax(2)
        count = keep[:, :start].sum(1, keepdim=True)
        keep[:, block] = _settled(boxes[:, block], valid[:, block], worst, count, limits)
    return keep


def _settled(boxes: Tensor, valid: Tensor, worst: Tensor, count: Tensor, limits: Tensor) -> Tensor:
    """A box's fate hangs on those before it only: the rule, repeated from all candidates, settles on the answer."""
    pairs = overlap(boxes.unsqueeze(2), boxes.unsqueeze(1)).tril(-1)  # row: the later box, column: the earlier one
    keep = valid
    while True:
        limit = limits[(count + keep.cumsum(1) - keep.long()).clamp(max=len(limits) - 1)]
        after = valid & (worst <= limit) & ~((pairs > limit.unsqueeze(2)) & keep.unsqueeze(1)).any(2)
        if torch.equal(after, keep):
            return keep
        keep = after


def _limits(threshold: float, eta: float, count: int) -> Tensor:
    """The threshold after 0, 1, 2... kept boxes, as far as it changes."""
    limits = [threshold]
    while eta < 1 and limits[-1] > 0.5 and len(limits) < count:
        limits.append(limits[-1] * eta)
    return torch.tensor(limits)
