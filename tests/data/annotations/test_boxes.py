"""What all formats share: what is a box, and how it lies in its picture."""

from __future__ import annotations

import pytest

from gradus.data.annotations.boxes import MAX_BOXES, Box, Boxes, class_name


def corners(found: Boxes) -> list[tuple[float, float, float, float]]:
    return [(box.left, box.top, box.right, box.bottom) for box in found.boxes]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (Box("", 0, 0, 1, 1, "line 1"), "line 1: the class has no name"),
        (Box("cat", 5, 0, 5, 9, "line 2"), "line 2: the box has no area"),
        (Box("cat", 5, 9, 6, 1, "line 3"), "line 3: the box has no area"),
        (Box("cat", float("nan"), 0, 1, 1, "line 4"), "line 4: a number is NaN or infinite"),
        (Box("cat", 0, 0, float("inf"), 1, "line 5"), "line 5: a number is NaN or infinite"),
        (Box("cat", 0, 0, 1, 1, "line 6", rotation=float("nan")), "line 6: a number is NaN or infinite"),
    ],
)
def test_what_is_no_box_is_remarked_and_left_out(box: Box, reason: str) -> None:
    found = Boxes()
    found.add(box)
    assert found.boxes == []
    assert found.remarks == [f"{reason}; it is left out"]


def test_huge_numbers_are_numbers() -> None:
    found = Boxes()
    found.add(Box("a", -1.5e308, 0, 1.5e308, 1.7e308, alpha=1.7e308))
    assert [(box.left, box.right) for box in found.within(10, 10).boxes] == [(0, 10)]


def test_a_box_over_the_edge_is_cut_and_one_outside_is_dropped() -> None:
    found = Boxes()
    for box in (Box("a", -10, -5, 30, 40, "1"), Box("b", 90, 40, 130, 60, "2"), Box("c", 101, 0, 120, 10, "3")):
        found.add(box)
    inside = found.within(100, 50)
    assert corners(inside) == [(0, 0, 30, 40), (90, 40, 100, 50)]
    assert inside.remarks == [
        "1: the box reaches over the edge of the picture; it is cut",
        "2: the box reaches over the edge of the picture; it is cut",
        "3: the box lies outside the picture; it is left out",
    ]


def test_a_pixel_over_the_edge_is_a_matter_of_counting_and_is_not_told() -> None:
    inside = Boxes([Box("a", 0, 0, 101, 51, "1")]).within(100, 50)
    assert corners(inside) == [(0, 0, 100, 50)]
    assert inside.remarks == []


def test_relative_boxes_become_pixels() -> None:
    inside = Boxes([Box("a", 0.25, 0.5, 0.75, 1.0)], relative=True).within(200, 40)
    assert corners(inside) == [(50, 20, 150, 40)]
    assert not inside.relative


def test_another_size_than_the_pictures_is_told() -> None:
    inside = Boxes([Box("a", 0, 0, 1, 1)], size=(640, 480)).within(480, 640)
    assert inside.remarks == ["the annotation is for 640 x 480 pixels, the picture has 480 x 640"]


def test_more_boxes_than_a_picture_may_have_break_it() -> None:
    found = Boxes()
    for _ in range(MAX_BOXES + 1):
        found.add(Box("a", 0, 0, 1, 1))
    assert len(found.boxes) == MAX_BOXES
    assert found.broken == "more than 10,000 boxes in one picture"


def test_the_name_of_a_class_is_one_line() -> None:
    assert class_name(" traffic light\n") == "traffic light"
    assert class_name("a\nb\x1b[31m") == "a%0Ab%1B[31m"
