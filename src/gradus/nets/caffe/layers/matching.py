"""Which prior answers for which true box, and which of the others count as negatives (catalogue 1.7, MultiBoxLoss)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gradus.nets.caffe.layers import boxes

FREE, IGNORED = -1, -2  # a prior without a true box; one that crosses the picture's edge
_TOUCH = 1e-6  # overlaps up to this are none
_SMALL = 1e-5  # boxes of less area are no candidates for mining after suppression


@dataclass(frozen=True, slots=True)
class Truth:
    """The true boxes of a batch: `item` (G,) is the picture of each, or N where the row does not count."""

    item: Tensor  # int64 (G,)
    label: Tensor  # int64 (G,)
    box: Tensor  # (G, 4)
    pictures: int  # N
    most: int  # boxes in the picture that has most


def match(
    candidates: Tensor, truth: Truth, *, bipartite: bool, threshold: float, inside: bool = False
) -> tuple[Tensor, Tensor]:
    """The true box (row of `truth`) for each of P candidates in each picture, FREE or IGNORED: int64 (N, P).

    First each true box takes the candidate that overlaps it most, the best pair of a picture first; then, unless
    `bipartite`, each candidate left takes the true box it overlaps most, from `threshold` on. The second tensor
    is the best overlap (N, P). `candidates` is (P, 4), the same for all pictures, or (G, P, 4), one row a box.
    `inside`: candidates that reach over the picture's edge take no part.
    """
    rows = truth.box.unsqueeze(1)
    overlaps = boxes.overlap(candidates, rows)  # (G, P)
    overlaps = torch.where(overlaps > _TOUCH, overlaps, 0.0)
    crossing = boxes.outside(candidates).any(-1) if inside else None
    if crossing is not None:
        overlaps = overlaps.masked_fill(crossing, 0.0)
    best, first = _best(overlaps, truth)
    matches = _pairs(overlaps, truth)
    if not bipartite:
        takes = (matches == FREE) & (best >= threshold) & (best > 0)
        matches = torch.where(takes, first, matches)
    if crossing is not None:
        matches = torch.where(_by_picture(crossing, truth), IGNORED, matches)
    return matches, best


def _best(overlaps: Tensor, truth: Truth) -> tuple[Tensor, Tensor]:
    """For each picture and candidate the highest overlap, and the first true box that has it."""
    count, candidates = overlaps.shape
    where = truth.item.unsqueeze(1).expand_as(overlaps)
    best = overlaps.new_zeros(truth.pictures + 1, candidates).scatter_reduce_(0, where, overlaps, "amax")
    row = torch.arange(count, device=overlaps.device).unsqueeze(1).expand_as(overlaps)
    row = torch.where(overlaps == best[truth.item], row, count)
    first = torch.full_like(best, count, dtype=torch.long).scatter_reduce_(0, where, row, "amin")
    return best[:-1], first[:-1]


def _pairs(overlaps: Tensor, truth: Truth) -> Tensor:
    """Bipartite matching: in each round every picture's best remaining pair is fixed."""
    count, candidates = overlaps.shape
    matches = torch.full((truth.pictures + 1, candidates), FREE, device=overlaps.device)
    row = torch.arange(count, device=overlaps.device)
    column = torch.arange(candidates, device=overlaps.device)
    none = count * candidates
    left = overlaps
    for _ in range(truth.most):
        value, candidate = left.max(1)
        highest = value.new_zeros(truth.pictures + 1).scatter_reduce_(0, truth.item, value, "amax")
        # Of equal pairs Caffe takes the one with the lowest candidate, then the first box.
        order = torch.where((value > 0) & (value == highest[truth.item]), candidate * count + row, none)
        pair = torch.full_like(matches[:, 0], none).scatter_reduce_(0, truth.item, order, "amin")
        taken = torch.where(pair < none, pair // count, candidates)  # past the end: no pair left
        matches = torch.where(column == taken.unsqueeze(1), (pair % count).unsqueeze(1), matches)
        gone = (order == pair[truth.item]).unsqueeze(1) | (column == taken[truth.item].unsqueeze(1))
        left = left.masked_fill(gone, 0.0)
    return matches[:-1]


def _by_picture(crossing: Tensor, truth: Truth) -> Tensor:
    """The candidates that cross an edge, in each picture that has a true box (others have no candidates at all)."""
    if crossing.dim() == 1:
        crossing = crossing.expand(len(truth.item), -1)
    result = crossing.new_zeros(truth.pictures + 1, crossing.shape[1], dtype=torch.uint8)
    where = truth.item.unsqueeze(1).expand_as(crossing)
    return result.scatter_reduce_(0, where, crossing.byte(), "amax")[:-1].bool()


@dataclass(frozen=True, slots=True)
class Thinning:
    """Non-maximum suppression among the candidates for mining: the best `top_k` go in."""

    boxes: Tensor  # (P, 4) or (N, P, 4)
    threshold: float
    top_k: int


def hardest(loss: Tensor, eligible: Tensor, wanted: Tensor, thinning: Thinning | None = None) -> Tensor:
    """The `wanted` (N,) eligible candidates of each picture with the highest loss: bool (N, P)."""
    order = torch.where(eligible, loss, -torch.inf).argsort(dim=1, descending=True, stable=True)
    usable = eligible.gather(1, order)
    if thinning is not None:
        order = order[:, : max(0, thinning.top_k)]
        ranked = thinning.boxes.expand(len(loss), -1, -1).gather(1, order.unsqueeze(2).expand(-1, -1, 4))
        usable = usable[:, : order.shape[1]] & (boxes.area(ranked) >= _SMALL)
        usable = boxes.suppress(ranked, usable, thinning.threshold)
    chosen = usable & (usable.cumsum(1) <= wanted.unsqueeze(1))
    return torch.zeros_like(eligible).scatter_(1, order, chosen)
