"""PriorBox: the boxes that SSD's predictions are relative to (catalogue 1.11)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape

RATIO_LIMIT = 1000  # aspect ratios: each is compared with all before it
_SAME = 1e-6  # aspect ratios closer than this are one


class PriorBox(Layer):
    """Boxes around the centre of each cell of a feature map, and the variances of their four coordinates.

    The top is (1, 2, cells * priors * 4), coordinates as shares of the picture, which the second bottom is (or
    img_size or img_h and img_w). Caffe keeps min_size and max_size as integers, in the original SSD branch as in
    NVIDIA's: 35.84 makes a box of 35 pixels. OpenCV's dnn does not, and finds other boxes for such a text.
    """

    settings = "prior_box_param"
    bottoms = (2, 2)
    overwritable = False
    dimensions = 4

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Sizes of one cell's boxes in pixels, and the grid."""
        if len(shapes[1]) != 4:
            raise self.error("needs the picture, with 4 axes, as its second bottom", at="bottom")
        self.variances = self._variances(p)
        self.sizes = self._sizes(p)
        self.clip = p.clip
        self.offset = p.offset
        self.cells = shapes[0][2:]
        self.picture = self._pair(p, "img", "img_size") or shapes[1][2:]
        self.steps = self._pair(p, "step", "step") or [a / b for a, b in zip(self.picture, self.cells, strict=True)]
        self._made: Tensor | None = None

    def _variances(self, p: Any) -> list[float]:
        given = list(p.variance) or [0.1]
        if len(given) not in (1, 4) or min(given) <= 0:
            raise self.error("needs one variance or four, above 0", at="prior_box_param.variance")
        return given * 4 if len(given) == 1 else given

    def _pair(self, p: Any, name: str, both: str) -> list[float] | None:
        """A setting as [height, width], from the one field or the two; None if it is not given."""
        high, wide = f"{name}_h", f"{name}_w"
        if not (p.HasField(high) or p.HasField(wide)):
            if not p.HasField(both):
                return None
            high = wide = both
        elif p.HasField(both):
            raise self.error(f"has {both} and also {high} or {wide}", at=f"prior_box_param.{both}")
        for field in (high, wide):
            if not getattr(p, field) > 0:
                raise self.error(f"needs {field} above 0", at=f"prior_box_param.{field}")
        return [getattr(p, high), getattr(p, wide)]

    def _sizes(self, p: Any) -> list[tuple[float, float]]:
        """(width, height) of each box: per min_size the square, the larger square, then the other ratios."""
        if not p.min_size:
            raise self.error("needs a min_size", at="prior_box_param")
        if p.max_size and len(p.max_size) != len(p.min_size):
            raise self.error("needs as many max_size as min_size", at="prior_box_param.max_size")
        if any(not math.isfinite(v) for v in (*p.min_size, *p.max_size, *p.aspect_ratio, p.offset)):
            raise self.error("has a size that is not finite", at="prior_box_param.min_size")
        found: list[tuple[float, float]] = []
        ratios = self._ratios(p)
        for i, given in enumerate(p.min_size):
            if given <= 0:
                raise self.error("needs each min_size above 0", at="prior_box_param.min_size")
            low = int(given)
            found.append((low, low))
            if p.max_size:
                if p.max_size[i] <= given:
                    raise self.error("needs each max_size above its min_size", at="prior_box_param.max_size")
                found.append((math.sqrt(low * int(p.max_size[i])),) * 2)
            found += [(low * math.sqrt(ratio), low / math.sqrt(ratio)) for ratio in ratios]
        return found

    def _ratios(self, p: Any) -> list[float]:
        """The ratios beside 1: each new one and, with flip, its inverse."""
        if len(p.aspect_ratio) > RATIO_LIMIT:
            raise self.error(f"has more than {RATIO_LIMIT:,} aspect ratios", at="prior_box_param.aspect_ratio")
        ratios = [1.0]
        for ratio in p.aspect_ratio:
            if ratio <= 0:
                raise self.error("needs each aspect_ratio above 0", at="prior_box_param.aspect_ratio")
            if all(abs(ratio - other) >= _SAME for other in ratios):
                ratios += [ratio, 1 / ratio] if p.flip else [ratio]
        return [ratio for ratio in ratios[1:] if abs(ratio - 1) >= _SAME]

    def forward(self, features: Tensor, picture: Tensor) -> Tensor:
        """In float32. The boxes depend on sizes only, and are made once."""
        count = math.prod(self.cells) * len(self.sizes) * 4
        if features.is_meta:
            return features.new_empty((1, 2, count), dtype=torch.float32)
        if self._made is None or self._made.device != features.device:
            with torch.inference_mode(False):  # else training could not use what a test made
                self._made = torch.from_numpy(self._boxes()).to(features.device)
        return self._made

    def _boxes(self) -> np.ndarray:
        rows, columns = ((np.arange(n) + self.offset) * s for n, s in zip(self.cells, self.steps, strict=True))
        centres = np.stack(np.broadcast_arrays(columns[None, :, None], rows[:, None, None]), -1)
        halves = np.array(self.sizes) / 2
        sides = np.array([self.picture[1], self.picture[0]], np.float64)
        boxes = np.concatenate([(centres - halves) / sides, (centres + halves) / sides], -1)
        if self.clip:
            boxes = boxes.clip(0, 1)
        variances = np.broadcast_to(np.array(self.variances), boxes.shape)
        return np.stack([boxes.ravel(), variances.ravel()])[None].astype(np.float32)
