"""`shapes`: 1,440 drawn pictures with labels, boxes and masks. Needs nothing, always the same.

Varied enough to have something to learn, and easy enough that LeNet learns it in a dozen epochs (98 %).

train/<class>/NNNN.png         a light shape of any colour, size and place on a plain, graded or noisy ground
train_boxes/<class>/NNNN.txt   its box, one KITTI line of 15 columns (left, top, right, bottom in pixels)
train_masks/<class>/NNNN.png   8-bit gray: 0 ground, 1 + the number of its class where the shape is
test...                        the same, drawn afresh
"""

from __future__ import annotations

from math import cos, pi, sin
from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from gradus.data.lists import label_lines
from gradus.data.png import encode_png
from gradus.data.samples.sample import SampleSet, Tell

SIDE = 64  # pixels
FINE = 8  # each pixel is drawn as 8 x 8, so that edges are smooth
TRAIN, TEST = 200, 40  # pictures of each class
RADIUS = (0.32, 0.46)  # of the circle around a shape, as a share of the side
TURN = pi / 12  # largest turn either way; a square turned further would be a diamond
SEED = 8  # with others, two circles may come out so alike that one in the test set is a leak
CONTRAST = 70  # by how much a shape is lighter than its ground, so that gray pictures do as well

Points = list[tuple[float, float]]  # in units of the shape's radius, y down


def _polar(angles: list[float], radii: list[float]) -> Points:
    return [(r * sin(a), -r * cos(a)) for a, r in zip(angles, radii, strict=True)]


def _regular(corners: int, turn: float = 0.0) -> Points:
    return _polar([2 * pi * i / corners + turn for i in range(corners)], [1.0] * corners)


def _star() -> Points:
    return _polar([pi * i / 5 for i in range(10)], [1.0, 0.42] * 5)


def _cross() -> Points:
    a, b = 0.28, 0.95
    return [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]


def _crescent_moon() -> Points:
    outer = [(sin(t), -cos(t)) for t in (pi * i / 40 for i in range(41))]
    inner = [(0.45 * sin(t), -cos(t)) for t in (pi * i / 40 for i in range(39, 0, -1))]
    return outer + inner


SHAPES: dict[str, Points] = {
    "circle": _regular(72),
    "crescent_moon": _crescent_moon(),
    "cross": _cross(),
    "square": _regular(4, pi / 4),
    "star": _star(),
    "triangle": _regular(3),
}


def write_shapes(folder: Path, *, seed: int = SEED, tell: Tell) -> SampleSet:
    """Draw all pictures into `folder`."""
    total, done = len(SHAPES) * (TRAIN + TEST), 0
    for part, count in (("train", TRAIN), ("test", TEST)):
        for index, (name, outline) in enumerate(SHAPES.items()):
            pictures, boxes, masks = (folder / f"{part}{kind}" / name for kind in ("", "_boxes", "_masks"))
            for made in (pictures, boxes, masks):
                made.mkdir(parents=True)
            random = Random(f"{seed}/{part}/{name}")
            for i in range(count):
                picture, mask = draw(outline, random)
                (pictures / f"{i:04d}.png").write_bytes(encode_png(picture))
                (masks / f"{i:04d}.png").write_bytes(encode_png((mask * np.uint8(index + 1))[..., None]))
                (boxes / f"{i:04d}.txt").write_text(_kitti(name, mask))
            done += count
            tell(done / total, f"drawing {part}: {name.replace('_', ' ')}")
    labels = [name.replace("_", " ") for name in SHAPES]
    (folder / "labels.txt").write_text(label_lines(labels))
    return SampleSet(
        name="shapes", folder=folder, labels=labels, train=TRAIN * len(SHAPES), test=TEST * len(SHAPES),
        width=SIDE, height=SIDE, channels=3,
    )  # fmt: skip


def draw(outline: Points, random: Random) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One picture (SIDE, SIDE, 3) RGB and its mask (SIDE, SIDE), 1 where the shape covers half a pixel."""
    radius = random.uniform(*RADIUS) * SIDE
    x, y = (random.uniform(radius, SIDE - radius) for _ in range(2))
    turn = random.uniform(-TURN, TURN)
    turned = [(px * cos(turn) - py * sin(turn), px * sin(turn) + py * cos(turn)) for px, py in outline]
    corners = [((x + radius * px) * FINE, (y + radius * py) * FINE) for px, py in turned]
    fine = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    cv2.fillPoly(fine, [np.rint(np.array(corners)).astype(np.int32)], 255)
    covered = fine.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3))[..., None] / 255
    ground, colour = _colours(random)
    back = _ground(np.array(ground, np.float64), random)
    picture = back * (1 - covered) + np.array(colour) * covered
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8), (covered[..., 0] >= 0.5).astype(np.uint8)


def _colours(random: Random) -> tuple[list[int], list[int]]:
    while True:
        first, second = ([random.randrange(256) for _ in range(3)] for _ in range(2))
        if _luminance(second) - _luminance(first) >= CONTRAST:
            return first, second


def _luminance(colour: list[int]) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _ground(colour: NDArray[np.float64], random: Random) -> NDArray[np.float64]:
    """A plain ground, one that grows lighter in some direction, or one with grain."""
    ground = np.broadcast_to(colour, (SIDE, SIDE, 3)).copy()
    kind = random.choice(("plain", "graded", "grain"))
    if kind == "graded":
        angle = random.uniform(0, 2 * pi)
        along = np.linspace(-1, 1, SIDE)
        ground += 25 * (cos(angle) * along[None, :] + sin(angle) * along[:, None])[..., None]
    elif kind == "grain":
        ground += np.random.default_rng(random.getrandbits(32)).normal(0, 8, (SIDE, SIDE, 1))
    return ground


def _kitti(name: str, mask: NDArray[np.uint8]) -> str:
    """One object: type, truncated, occluded, alpha, box, and zeros for what only 3D labels know."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return f"{name} 0.00 0 0.00 {' '.join(f'{v:.2f}' for v in box)} 0 0 0 0 0 0 0\n"
