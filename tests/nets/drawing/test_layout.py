"""Where boxes go: what any good drawing of layers has, on graphs of every kind."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from gradus.nets.drawing.layout import GAP_ACROSS, GAP_ALONG, arrange

SIZE = st.tuples(st.floats(10, 200), st.floats(10, 80))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    sizes = draw(st.lists(SIZE, min_size=1, max_size=12))
    ends = [(i, j) for i, j in combinations(range(len(sizes)), 2)]
    return sizes, draw(st.lists(st.sampled_from(ends), max_size=25)) if ends else []


@given(graphs())
@settings(deadline=None)
def test_boxes_do_not_overlap_and_edges_lead_down(
    graph: tuple[list[tuple[float, float]], list[tuple[int, int]]],
) -> None:
    sizes, edges = graph
    layout = arrange(sizes, edges)
    for (i, (w, h)), (j, (v, k)) in combinations(enumerate(sizes), 2):
        (x, y), (a, b) = layout.boxes[i], layout.boxes[j]
        assert abs(x - a) >= (w + v) / 2 + GAP_ACROSS - 1e-6 or abs(y - b) >= (h + k) / 2 - 1e-6
    for (source, target), points in zip(edges, layout.edges, strict=True):
        ys = [y for _, y in points]
        assert ys == sorted(ys)
        assert points[0] == (layout.boxes[source][0], layout.boxes[source][1] + sizes[source][1] / 2)
        assert points[-1] == (layout.boxes[target][0], layout.boxes[target][1] - sizes[target][1] / 2)
        assert points[-1][1] - points[0][1] >= GAP_ALONG - 1e-6
    for (w, h), (x, y) in zip(sizes, layout.boxes, strict=True):
        assert w / 2 - 1e-6 <= x <= layout.width - w / 2 + 1e-6
        assert h / 2 - 1e-6 <= y <= layout.height - h / 2 + 1e-6


def test_a_chain_is_a_straight_line() -> None:
    layout = arrange([(100, 20), (40, 20), (80, 20)], [(0, 1), (1, 2)])
    assert [x for x, _ in layout.boxes] == [50.0, 50.0, 50.0]
    assert [y for _, y in layout.boxes] == [10.0, 30 + GAP_ALONG, 50 + 2 * GAP_ALONG]


def test_branches_that_can_be_drawn_without_a_crossing_are() -> None:
    """0 feeds 1 and 2; 3 comes from 2, 4 from 1: in the given order the two edges would cross."""
    layout = arrange([(20, 10)] * 5, [(0, 1), (0, 2), (2, 3), (1, 4)])
    x = [x for x, _ in layout.boxes]
    assert (x[1] < x[2]) == (x[4] < x[3])


def test_what_begins_late_stands_right_above_its_reader() -> None:
    layout = arrange([(20, 10)] * 5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert layout.boxes[4][1] == layout.boxes[2][1]
