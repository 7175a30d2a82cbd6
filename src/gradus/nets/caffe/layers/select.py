"""Layers that pick samples of a batch (catalogue 1.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, times


class BatchReindex(Layer):
    """The samples that the second bottom names, in its order; one that is named twice collects both gradients."""

    bottoms = (2, 2)
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The second bottom is a row of whole numbers."""
        if len(shapes[0]) < 1 or len(shapes[1]) != 1:
            raise self.error(f"needs its second input with 1 axis and gets {times(shapes[1])}", at="bottom")

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        """Along axis 0."""
        places = places.detach().long()
        if not places.is_meta and bool(((places < 0) | (places >= len(x))).any()):
            raise self.error(f"is told to take samples outside 0 to {len(x) - 1}", at="bottom")
        return x.index_select(0, places)


class Filter(Layer):
    """Of each bottom but the last the samples for which the last, the selector, is not 0: from none to all."""

    bottoms = (2, None)
    tops = (1, None)
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One top for each bottom but the selector, which has one value for each sample."""
        *filtered, selector = shapes
        if len(self.definition.message.top) != len(filtered):
            raise self.error(f"needs {len(filtered)} tops, one for each bottom but the last", at="top")
        if not selector or any(side != 1 for side in selector[1:]):
            raise self.error(f"needs one value a sample in its last bottom and gets {times(selector)}", at="bottom")
        for shape in filtered:
            if shape[:1] != selector[:1]:
                raise self.error(
                    f"cannot select among {times(shape)} with {times(selector)}", at="bottom",
                    hint="All inputs need the same batch.",
                )  # fmt: skip

    def forward(self, *xs: Tensor) -> Any:
        """Before there are values, all of them pass."""
        *filtered, selector = xs
        if selector.is_meta:
            tops = tuple(torch.empty_like(x) for x in filtered)
        else:
            places = selector.detach().reshape(-1).nonzero().squeeze(1)
            tops = tuple(x.index_select(0, places) for x in filtered)
        return tops if len(tops) > 1 else tops[0]
