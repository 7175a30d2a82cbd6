"""DetectNet's augmentations: what chance decides for a picture, what that does to pixels and boxes (catalogue 1.10).

Order: hue and saturation, mean, flip, scale (bicubic), rotate (bilinear), crop; what comes from outside is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

DRAWS = 12  # random numbers for one picture
_LITTLE = 1e-6  # angles up to this are none
_GRAYER = 1 - 1 / 255  # a saturation from this on changes nothing

Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done to one picture."""

    size: Size  # it is scaled to this
    hue: float = 0.0  # degrees
    saturation: float = 1.0
    flip: bool = False
    rotation: float = 0.0  # degrees clockwise
    corner: tuple[int, int] = (0, 0)  # x, y of the crop in the scaled and rotated picture

    @property
    def turns(self) -> bool:
        """Whether it is rotated."""
        return abs(self.rotation) > _LITTLE

    @property
    def colours(self) -> bool:
        """Whether its hue or saturation changes."""
        return abs(self.hue) > _LITTLE or self.saturation < _GRAYER


def choose(p: Any, draws: Sequence[float], size: Size, out: Size) -> Choice:
    """What DRAWS random numbers of [0, 1) mean for a picture of a size that becomes one of size `out`."""
    d = iter(draws)

    def happens(probability: float) -> bool:
        return next(d) < probability

    def between(low: float, high: float) -> float:
        return low + (high - low) * next(d)

    hues, hue = happens(p.hue_rotation_prob), between(-p.hue_rotation, p.hue_rotation)
    fades, fading = happens(p.desaturation_prob), between(0, p.desaturation_max)
    flip = happens(p.flip_prob)
    scales, factor = happens(p.scale_prob), between(p.scale_min, p.scale_max)
    turns, rotation = happens(p.rotation_prob), between(-p.max_rotate_degree, p.max_rotate_degree)
    scaled = (_round(size[0] * factor), _round(size[1] * factor)) if scales else size
    scaled = (max(1, scaled[0]), max(1, scaled[1]))
    choice = Choice(
        scaled, min(max(hue, -180.0), 180.0) if hues else 0.0, 1 - fading if fades else 1.0, flip,
        rotation if turns else 0.0,
    )  # fmt: skip
    before = turned_size(scaled, choice.rotation) if choice.turns else scaled
    jitters = happens(p.crop_prob)
    at = (next(d), next(d)) if jitters else (0.5, 0.5)
    shift = (p.shift_x, p.shift_y) if jitters else (0, 0)
    corner = [_round(a * (b - o + s) - s // 2) for a, b, o, s in zip(at, before, out, shift, strict=True)]
    return Choice(choice.size, choice.hue, choice.saturation, flip, choice.rotation, (corner[0], corner[1]))


def _round(value: float) -> int:
    """Halves away from 0, as C does."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def turned_size(size: Size, degrees: float) -> Size:
    """The canvas that a rotated picture needs, by OpenCV's rule."""
    centre = (float(size[0] // 2), float(size[1] // 2))
    _, _, width, height = cv2.RotatedRect(centre, (float(size[0]), float(size[1])), degrees).boundingRect()
    return width, height


def turning(size: Size, degrees: float) -> np.ndarray:
    """The matrix (2, 3) that takes points of a picture to their places on the canvas."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = np.array(size) / 2
    left, top = cv2.RotatedRect(tuple(centre.tolist()), (float(size[0]), float(size[1])), degrees).boundingRect()[:2]
    return np.concatenate([turn, (centre - turn @ centre - (left, top))[:, None]], 1)


def recoloured(pictures: Tensor, choices: Sequence[Choice]) -> Tensor:
    """BGR pictures (N, 3, H, W) with their hues turned and saturations multiplied (HSV, as OpenCV defines it)."""
    changes = [c.colours for c in choices]
    if not any(changes):
        return pictures

    def each(values: list[float]) -> Tensor:
        return pictures.new_tensor(values).view(-1, 1, 1)

    blue, green, red = pictures.unbind(1)
    value, which = pictures.max(1)
    spread = value - pictures.amin(1)
    saturation = spread / (value.abs() + _LITTLE / 10)
    sector = torch.where(which == 2, green - blue, torch.where(which == 1, blue - red, red - green))
    hue = sector / (spread + _LITTLE / 10) + 4 - 2 * which  # in sixths of the circle: red 0, green 2, blue 4
    hue = hue + each([c.hue / 60 if abs(c.hue) > _LITTLE else 0.0 for c in choices])
    saturation = saturation * each([c.saturation if c.saturation < _GRAYER else 1.0 for c in choices])
    sectors = hue.unsqueeze(1) + pictures.new_tensor([1.0, 3.0, 5.0]).view(3, 1, 1)
    place = sectors.remainder(6)
    share = torch.minimum(place, 4 - place).clamp(0, 1)
    mixed = value.unsqueeze(1) * (1 - saturation.unsqueeze(1) * share)
    return torch.where(each([float(c) for c in changes]).unsqueeze(1) > 0, mixed, pictures)


def placed(picture: Tensor, choice: Choice, out: Size) -> Tensor:
    """One picture (C, H, W), flipped already, scaled, rotated and cropped to (C, height, width) of `out`."""
    width, height = choice.size
    if tuple(picture.shape[1:]) != (height, width):
        picture = F.interpolate(picture[None], (height, width), mode="bicubic", align_corners=False)[0]
    if choice.turns:
        return _turned(picture, choice, out)
    left, top = choice.corner
    if (left, top, width, height) == (0, 0, *out):
        return picture
    result = picture.new_zeros(picture.shape[0], out[1], out[0])
    x, y = max(0, -left), max(0, -top)
    part = picture[:, max(0, top) : max(0, top + out[1]), max(0, left) : max(0, left + out[0])]
    result[:, y : y + part.shape[1], x : x + part.shape[2]] = part
    return result


def _turned(picture: Tensor, choice: Choice, out: Size) -> Tensor:
    """Rotation and crop in one: each pixel is looked up where it comes from."""
    matrix = np.concatenate([turning(choice.size, choice.rotation), [[0, 0, 1]]])
    back = torch.from_numpy(np.linalg.inv(matrix)[:2]).to(picture)
    y, x = torch.meshgrid(
        torch.arange(out[1], device=picture.device, dtype=picture.dtype) + choice.corner[1],
        torch.arange(out[0], device=picture.device, dtype=picture.dtype) + choice.corner[0],
        indexing="ij",
    )
    source = _through(back, x, y)
    last = picture.new_tensor([choice.size[0] - 1, choice.size[1] - 1])
    grid = source * 2 / last.clamp(min=1) - 1
    mixed = F.grid_sample(picture[None], grid[None], mode="bilinear", align_corners=True)[0]
    canvas = turned_size(choice.size, choice.rotation)
    on_canvas = (x >= 0) & (y >= 0) & (x < canvas[0]) & (y < canvas[1])
    whole = ((source >= 0) & (source < last)).all(-1)  # all four neighbours are there, else it stays 0
    return torch.where(whole & on_canvas, mixed, 0.0)


def _through(matrix: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Points mapped by a (2, 3, ...) matrix: (..., 2). Not a matrix product, which half precision might spoil."""
    return torch.stack([row[0] * x + row[1] * y + row[2] for row in matrix], -1)


def moved(labels: Tensor, choices: Sequence[Choice], size: Size) -> Tensor:
    """DetectNet's labels (N, B, 16): x, y, width, height... moved as their pictures of `size` are."""

    def each(values: list[float]) -> Tensor:
        return labels.new_tensor(values).view(-1, 1)

    x, y, w, h = labels[..., :4].unbind(-1)
    x = torch.where(each([c.flip for c in choices]) > 0, size[0] - x - w - 1, x)
    across, down = each([c.size[0] / size[0] for c in choices]), each([c.size[1] / size[1] for c in choices])
    x, y, w, h = x * across, y * down, w * across, h * down
    still = np.eye(2, 3)
    turns = np.stack([turning(c.size, c.rotation) if c.turns else still for c in choices])
    turn = torch.from_numpy(turns).to(labels)
    centre = _through(turn.movedim(0, 2).unsqueeze(3), x + w / 2, y + h / 2)  # (N, B, 2)
    x = centre[..., 0] - w / 2 - each([c.corner[0] for c in choices])
    y = centre[..., 1] - h / 2 - each([c.corner[1] for c in choices])
    return torch.cat([torch.stack([x, y, w, h], -1), labels[..., 4:]], -1)
