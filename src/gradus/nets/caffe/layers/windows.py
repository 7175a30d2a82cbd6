"""Caffe's pooling windows over pictures of one size, and what can be done with each (catalogue 1.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Shape, wide

_LOWEST = torch.finfo(torch.float32).min  # what the maximum over no values is in Caffe


def window_counts(size: Shape, kernel: Shape, stride: Shape, pad: Shape, *, floor: bool) -> Shape:
    """How many windows each axis has: rounded up (or down), less a last one that starts past image and padding.

    Only a padded layer drops windows. What comes out may be below 1: then no window fits.
    """
    counts = []
    for n, k, s, q in zip(size, kernel, stride, pad, strict=True):
        span = n + 2 * q - k
        count = (span // s if floor else -(-span // s)) + 1
        counts.append(count - 1 if any(pad) and (count - 1) * s >= n + q else count)
    return tuple(counts)


class Windows:
    """Windows as (height, width) settings; every method takes (images, channels, height, width).

    One torch operation does it where torch's sizes are Caffe's. They are not where a stride exceeds its kernel
    (Caffe may keep a window past the end) or where a padding exceeds half its kernel (torch refuses it): then
    padding is written out first.
    """

    def __init__(self, size: Shape, kernel: Shape, stride: Shape, pad: Shape, *, floor: bool = False) -> None:
        self.size, self.kernel, self.stride, self.pad, self.ceil = size, kernel, stride, pad, not floor
        self.out = window_counts(size, kernel, stride, pad, floor=floor)
        self.plain = all((floor or k >= s) and 2 * q <= k for k, s, q in zip(kernel, stride, pad, strict=True))
        self.reach = tuple((o - 1) * s + k for o, s, k in zip(self.out, stride, kernel, strict=True))
        self._divisors: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def padded(self, x: Tensor, value: float) -> Tensor:
        """The picture and its padding, exactly as far as the windows reach."""
        (top, left), (high, broad) = self.pad, self.reach
        below, right = (max(0, r - n - q) for r, n, q in zip(self.reach, self.size, self.pad, strict=True))
        return F.pad(x, (left, right, top, below), value=value)[:, :, :high, :broad]

    def maximum(self, x: Tensor) -> Tensor:
        """The largest value of each window. A NaN wins (in Caffe it never does), so that a diverged network shows."""
        if self.plain:
            return F.max_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=self.ceil)
        return F.max_pool2d(self.padded(x, _lowest(x)), self.kernel, self.stride)

    def maximum_and_place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The largest values and where each first one lies in its channel, as a number; -1 in an empty window."""
        if self.plain:
            top, place = F.max_pool2d(
                x, self.kernel, self.stride, self.pad, ceil_mode=self.ceil, return_indices=True
            )  # fmt: skip
            return top, place.to(wide(x.dtype))
        top, place = F.max_pool2d(self.padded(x, _lowest(x)), self.kernel, self.stride, return_indices=True)
        row = place.div(self.reach[1], rounding_mode="floor") - self.pad[0]
        column = place % self.reach[1] - self.pad[1]
        inside = (row >= 0) & (row < self.size[0]) & (column >= 0) & (column < self.size[1])
        return top, torch.where(inside, row * self.size[1] + column, -1).to(wide(x.dtype))

    def mean(self, x: Tensor) -> Tensor:
        """The mean of each window; padding counts as zeros, what lies past it does not count."""
        if self.plain:
            return F.avg_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=self.ceil, count_include_pad=True)
        return self.total(x) / self.divisor(x)

    def total(self, x: Tensor) -> Tensor:
        """The sum of each window."""
        return F.avg_pool2d(self.padded(x, 0.0), self.kernel, self.stride, divisor_override=1)

    def divisor(self, x: Tensor) -> Tensor:
        """How many cells each window counts, on the device of `x`; 1 for windows that lie past the padding."""
        key = x.device, x.dtype
        if key not in self._divisors:
            high, broad = (
                (n + 2 * q - s * torch.arange(o, device=x.device)).clamp(1, k).to(x.dtype)
                for o, s, q, k, n in zip(self.out, self.stride, self.pad, self.kernel, self.size, strict=True)
            )
            self._divisors[key] = torch.outer(high, broad)
        return self._divisors[key]

    def weighted(self, x: Tensor) -> Tensor:
        """The mean of each window weighted by its own values (which are assumed not negative); 0 where all are 0."""
        total = self.total(x)
        some = total > 0
        return torch.where(some, self.total(x * x) / torch.where(some, total, 1), 0)

    def sampled(self, x: Tensor) -> Tensor:
        """One value of each window, drawn with a probability in proportion to it."""
        cells = self.padded(x, 0.0).unfold(2, self.kernel[0], self.stride[0]).unfold(3, self.kernel[1], self.stride[1])
        cells = cells.flatten(4)
        with torch.no_grad():
            sums = cells.to(wide(x.dtype)).cumsum(4)
            total = sums[..., -1:]
            chosen = (sums < torch.rand_like(total) * total).sum(4, keepdim=True)
        return cells.gather(4, chosen.clamp_(max=cells.shape[4] - 1)).squeeze(4)


def _lowest(x: Tensor) -> float:
    return max(_LOWEST, torch.finfo(x.dtype).min)
