"""NVIDIA's random resizing in `transform_param` (0.16 and later): the short side, the ratio of the sides, stretches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gradus.nets.caffe.text.prototxt import Definition

_RANGES = ("rand_resize_ratio", "vertical_stretch", "horizontal_stretch")
_MOST = 1 << 14  # pixels on a side


@dataclass(frozen=True, slots=True)
class RandomResize:
    """Resizes one picture by five numbers of [0, 1): short side, ratio, which side (where equal), two stretches."""

    settings: Any
    crop: tuple[int, int]

    @classmethod
    def of(cls, definition: Definition, crop: tuple[int, int] | None) -> RandomResize | None:
        """What the text asks for, or None."""
        p = definition.message.transform_param
        given = [f"{name}_{end}" for name in _RANGES for end in ("lower", "upper") if p.HasField(f"{name}_{end}")]
        if not (p.img_rand_resize_lower or p.img_rand_resize_upper or given):
            return None
        at = f"transform_param.{given[0] if given else 'img_rand_resize_lower'}"
        if not all(math.isfinite(getattr(p, field)) for field in given):
            raise definition.error("has a random size that is not finite", at=at)
        if p.img_rand_resize_upper and p.img_rand_resize_lower > p.img_rand_resize_upper:
            raise definition.error(
                "has an img_rand_resize_lower above its upper", at="transform_param.img_rand_resize_lower"
            )
        if crop is None:
            raise definition.error(
                "resizes pictures at random, so that they differ in size", at=at, hint="Set a crop_size too."
            )
        return cls(p, crop)

    def __call__(self, picture: NDArray[Any], draws: NDArray[np.float64]) -> NDArray[Any]:
        """A (height, width, channels) picture in its new size, never smaller than the crop."""
        p, (rows, columns) = self.settings, picture.shape[:2]
        height, width = self._size(rows, columns, draws)
        if not p.allow_upscale:
            height, width = min(height, rows), min(width, columns)
        if (height, width) == (rows, columns):
            return picture
        smaller = height <= rows and width <= columns
        kind = p.interpolation_algo_down if smaller else p.interpolation_algo_up
        resized = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=int(kind))
        return resized[..., None] if resized.ndim == 2 else resized

    def _size(self, rows: int, columns: int, draws: NDArray[np.float64]) -> tuple[int, int]:
        p = self.settings
        short = min(rows, columns)
        if p.img_rand_resize_lower and p.img_rand_resize_upper:
            choices = p.img_rand_resize_upper - p.img_rand_resize_lower + 1
            short = p.img_rand_resize_lower + int(draws[0] * choices)
        factor = short / min(rows, columns)
        height, width = factor * rows, factor * columns
        if p.rand_resize_ratio_lower >= 1 and p.rand_resize_ratio_upper > 1:
            ratio = _between(p.rand_resize_ratio_lower, p.rand_resize_ratio_upper, draws[1])
            if width > height or (width == height and draws[2] < 0.5):
                width = height * ratio
            else:
                height = width * ratio
        if p.vertical_stretch_lower > 0 and p.vertical_stretch_upper > 0:
            height *= _between(p.vertical_stretch_lower, p.vertical_stretch_upper, draws[3])
        if p.horizontal_stretch_lower > 0 and p.horizontal_stretch_upper > 0:
            width *= _between(p.horizontal_stretch_lower, p.horizontal_stretch_upper, draws[4])
        return _rounded(height, self.crop[0]), _rounded(width, self.crop[1])


def _between(low: float, high: float, draw: float) -> float:
    return low + (high - low) * draw


def _rounded(side: float, least: int) -> int:
    return max(least, math.floor(min(side, _MOST) + 0.5))
