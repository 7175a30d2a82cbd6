"""Where the boxes of a drawing go: in layers, as few crossings as two dozen sweeps find, long edges bent around boxes.

The method is Sugiyama's in its simplest form (Sugiyama, Tagawa, Toda 1981): a box's layer is its longest way from a
start; edges that pass through layers get a waypoint in each; within a layer things are ordered by the mean place
of their neighbours, sweeping down and up; then they are moved towards their neighbours as far as the order allows.
Everything is thought from top to bottom: `x` runs across a layer, `y` from layer to layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

GAP_ACROSS, GAP_ALONG = 24.0, 36.0  # between two boxes of a layer, between two layers
WAYPOINT = 12.0  # the width that a passing edge takes
SWEEPS = 24

Point = tuple[float, float]


@dataclass(slots=True)
class Layout:
    """The middle of each box, the points of each edge (from border to border), and the whole size."""

    boxes: list[Point]
    edges: list[list[Point]]
    width: float
    height: float


@dataclass(slots=True)
class _Thing:
    """A box, or the waypoint of an edge."""

    width: float
    height: float
    rank: int
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0


def arrange(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of these sizes; every edge leads from an earlier box to a later one."""
    things = [_Thing(width, height, 0) for width, height in sizes]
    for index, rank in enumerate(_ranks(len(sizes), edges)):
        things[index].rank = rank
    ways = [_way(things, source, target) for source, target in edges]
    rows: list[list[int]] = [[] for _ in range(max((t.rank for t in things), default=-1) + 1)]
    for index, thing in enumerate(things):
        rows[thing.rank].append(index)
    _order(things, rows)
    _spread(things, rows)
    left = min((t.x - t.width / 2 for t in things), default=0.0)
    tops = _heights(things, rows)
    spots = [(t.x - left, tops[t.rank]) for t in things]
    return Layout(
        spots[: len(sizes)],
        [_line(spots, things, way) for way in ways],
        max((x + t.width / 2 for (x, _), t in zip(spots, things, strict=True)), default=0.0),
        max((y + t.height / 2 for (_, y), t in zip(spots, things, strict=True)), default=0.0),
    )


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way to each box; a box that nothing leads to stands right above the first that it leads to."""
    ranks = [0] * count
    after: dict[int, list[int]] = {}
    entered = {target for _, target in edges}
    for source, target in sorted(edges):
        after.setdefault(source, []).append(target)
        ranks[target] = max(ranks[target], ranks[source] + 1)
    for index in range(count):
        if index not in entered and index in after:
            ranks[index] = max(0, min(ranks[target] for target in after[index]) - 1)
    return ranks


def _way(things: list[_Thing], source: int, target: int) -> list[int]:
    """The box, the waypoints, the box of one edge; they are linked as neighbours."""
    way = [source]
    for rank in range(things[source].rank + 1, things[target].rank):
        things.append(_Thing(WAYPOINT, 0.0, rank))
        way.append(len(things) - 1)
    way.append(target)
    for first, second in pairwise(way):
        things[first].below.append(second)
        things[second].above.append(first)
    return way


def _line(spots: Sequence[Point], things: Sequence[_Thing], way: Sequence[int]) -> list[Point]:
    """The points of an edge, from the lower border of its first box to the upper border of its last."""
    points = [spots[i] for i in way]
    (x, y), (last_x, last_y) = points[0], points[-1]
    points[0] = x, y + things[way[0]].height / 2
    points[-1] = last_x, last_y - things[way[-1]].height / 2
    return points


def _order(things: list[_Thing], rows: list[list[int]]) -> None:
    """Sort each row by where its neighbours of the row before (then after) stand; the least crossings win."""
    place = {index: float(position) for row in rows for position, index in enumerate(row)}
    best, fewest = [list(row) for row in rows], _crossings(things, rows, place)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            means = {i: fmean(place[n] for n in near) for i in row if (near := _near(things[i], down=down))}
            row.sort(key=lambda i: means.get(i, place[i]))
            place.update({index: float(position) for position, index in enumerate(row)})
        crossings = _crossings(things, rows, place)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
        if not fewest:
            break
    rows[:] = best


def _near(thing: _Thing, *, down: bool) -> list[int]:
    return thing.above if down else thing.below


def _crossings(things: list[_Thing], rows: list[list[int]], place: Mapping[int, float]) -> int:
    """How many pairs of edges cross: inversions among the ends, taken in the order of their starts."""
    count = 0
    for row in rows:
        ends = [end for i in row for end in sorted(place[n] for n in things[i].below)]
        seen: list[float] = []
        for end in ends:
            at = len(seen)
            while at and seen[at - 1] > end:
                at -= 1
            count += len(seen) - at
            seen.insert(at, end)
    return count


def _spread(things: list[_Thing], rows: list[list[int]]) -> None:
    """Set x: side by side at first, then everything is drawn towards its neighbours."""
    for row in rows:
        x = 0.0
        for index in row:
            x += things[index].width / 2
            things[index].x = x
            x += things[index].width / 2 + GAP_ACROSS
        for index in row:
            things[index].x -= x / 2
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_wish(things, things[i], down=sweep % 2 == 0) for i in row]
            for index, x in zip(row, _apart([things[i].width for i in row], wanted), strict=True):
                things[index].x = x


def _wish(things: list[_Thing], thing: _Thing, *, down: bool) -> float:
    near = _near(thing, down=down) or _near(thing, down=not down)
    return fmean(things[n].x for n in near) if near else thing.x


def _apart(widths: Sequence[float], wanted: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and the gaps: pooled neighbours."""
    offsets, total = [], 0.0
    for index, width in enumerate(widths):
        total += (widths[index - 1] + width) / 2 + GAP_ACROSS if index else 0.0
        offsets.append(total)
    blocks: list[tuple[float, int]] = []  # the sum of their wishes less their offsets, and how many they are
    for wish, offset in zip(wanted, offsets, strict=True):
        sum_, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= sum_ / count:
            before = blocks.pop()
            sum_, count = sum_ + before[0], count + before[1]
        blocks.append((sum_, count))
    bases = [sum_ / count for sum_, count in blocks for _ in range(count)]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]


def _heights(things: list[_Thing], rows: list[list[int]]) -> list[float]:
    """The middle of each row, from the top."""
    middles, y = [], 0.0
    for row in rows:
        height = max(things[i].height for i in row)
        middles.append(y + height / 2)
        y += height + GAP_ALONG
    return middles
