"""Outlines and run lengths of COCO as masks.

A pixel belongs to a polygon where its centre lies inside: a rectangle from 10 to 20 covers ten pixels, not eleven,
and polygons that share an edge share no pixel. Where an outline crosses itself, what it runs around twice is outside
(even-odd). Several polygons are the parts of one object.

Run lengths count pixels down the columns, in turn outside and inside, beginning with outside. As text they are the
compressed form of pycocotools: five bits in a character, the lowest first, from the fourth number on the difference
to the number two before (https://github.com/cocodataset/cocoapi, `common/maskApi.c`, describes it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError

Mask = NDArray[np.bool_]

FURTHEST = 1e6  # pixels from the corner of the picture
MOST_CROSSINGS = 1 << 24  # of edges with rows
MOST_RUNS = 1 << 24
_LONGEST_NUMBER = 7  # characters: 35 bits


def segment(found: object, height: int, width: int) -> Mask:
    """The mask (height, width) of COCO's `segmentation`, polygons or run lengths. `InputError` if it is neither."""
    if isinstance(found, list):
        return polygons(found, height, width)
    if isinstance(found, Mapping):
        return run_lengths(found, height, width)
    raise InputError("its segmentation is neither a list of polygons nor run lengths")


def polygons(parts: Sequence[object], height: int, width: int) -> Mask:
    """The parts of one object, each `[x1, y1, x2, y2, ...]` in pixels from the corner of the picture."""
    if not parts:
        raise InputError("its segmentation is empty")
    if all(_is_number(value) for value in parts):  # one polygon that is not in a list
        parts = [parts]
    mask = np.zeros((height, width), np.bool_)
    for part in parts:
        _fill(mask, _corners(part))
    return mask


def run_lengths(found: Mapping[str, object], height: int, width: int) -> Mask:
    """`{"size": [height, width], "counts": [...] or "..."}`."""
    if found.get("size") != [height, width]:
        raise InputError(f"the size of its run lengths is {_short(found.get('size'))}, not [{height}, {width}]")
    counts = found.get("counts")
    runs = uncompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or len(runs) > MOST_RUNS or not all(type(run) is int and run >= 0 for run in runs):
        raise InputError("its run lengths are no list of whole numbers")
    if sum(runs) != height * width:
        raise InputError(f"its run lengths cover {sum(runs):,} pixels, not {height * width:,}")
    values = np.zeros(len(runs), np.bool_)
    values[1::2] = True
    return np.repeat(values, np.asarray(runs, np.int64)).reshape(width, height).T


def uncompressed(text: str) -> list[int]:
    """The run lengths in their compressed form."""
    runs: list[int] = []
    number, bits = 0, 0
    for character in text:
        value = ord(character) - 48
        if not 0 <= value < 64 or bits >= 5 * _LONGEST_NUMBER:
            raise InputError("its run lengths are damaged")
        number |= (value & 31) << bits
        bits += 5
        if value & 32:  # more characters follow
            continue
        if value & 16:  # negative
            number -= 1 << bits
        runs.append(number + runs[-2] if len(runs) > 2 else number)
        number, bits = 0, 0
    if bits:
        raise InputError("its run lengths are cut off")
    return runs


def _corners(part: object) -> NDArray[np.float64]:
    if not isinstance(part, Sequence) or isinstance(part, str) or not all(_is_number(value) for value in part):
        raise InputError("a polygon is not a list of finite numbers within reach of the picture")
    if len(part) % 2 or len(part) < 6:
        raise InputError(f"a polygon has {len(part)} numbers: three corners, six numbers, are the least, and they pair")
    return np.asarray(part, np.float64).reshape(-1, 2)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= FURTHEST  # type: ignore[arg-type]  # NaN is not


def _fill(mask: Mask, corners: NDArray[np.float64]) -> None:
    """Each edge turns outside into inside, and back, at the first pixel centre to its right in every row it crosses."""
    height, width = mask.shape
    ends = np.stack([corners, np.roll(corners, -1, axis=0)])
    down = ends[0, :, 1] <= ends[1, :, 1]  # an edge is followed downwards, so that both its polygons round alike
    start, end = np.where(down[:, None], ends, ends[::-1])
    first, last = (_from_centre(y, height) for y in (start[:, 1], end[:, 1]))  # rows whose centre is in [y0, y1)
    rows = last - first
    if rows.sum() > MOST_CROSSINGS:
        raise InputError("a polygon has too many corners for a picture of this height")
    edge = np.repeat(np.arange(len(corners)), rows)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(rows) - rows, rows)
    (x0, y0), (x1, y1) = start[edge].T, end[edge].T
    column = _from_centre(x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0), width)
    top, bottom, left = int(first.min()), int(last.max()), int(column.min(initial=width))
    across = width - left + 1
    turns = np.bincount((row - top) * across + column - left, minlength=(bottom - top) * across)
    inside = np.cumsum(turns.reshape(bottom - top, across)[:, :-1], axis=1, dtype=np.uint8) & 1
    mask[top:bottom, left:] |= inside.astype(np.bool_)


def _from_centre(places: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """The first pixel whose centre is at each place or after it; `most` where there is none."""
    return np.clip(np.ceil(places - 0.5), 0, most).astype(np.int64)


def _short(value: object) -> str:
    return repr(value)[:40]
