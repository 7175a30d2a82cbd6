"""KITTI's columns, by the readme of its development kit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import GradusError, InputError
from gradus.data.annotations.boxes import Box, text_lines
from gradus.data.annotations.kitti import parse

LINE = b"Car 0.88 3 -0.69 0.00 192.37 402.31 374.00 1.60 1.57 3.23 -2.70 1.74 3.68 -1.29"


def test_each_column_lies_where_the_readme_says() -> None:
    found = parse(LINE + b"\nDontCare -1 -1 -10 800.38 163.67 825.45 184.07 -1 -1 -1 -1000 -1000 -1000 -10\n")
    assert found.boxes == [
        Box(
            "Car", 0.0, 192.37, 402.31, 374.0, "line 1", truncated=0.88, occluded=3, alpha=-0.69,
            size=(1.6, 1.57, 3.23), place=(-2.7, 1.74, 3.68), rotation=-1.29,
        ),
        Box(
            "DontCare", 800.38, 163.67, 825.45, 184.07, "line 2", truncated=-1, occluded=-1, alpha=-10,
            size=(-1, -1, -1), place=(-1000, -1000, -1000), rotation=-10,
        ),
    ]  # fmt: skip
    assert found.remarks == []


def test_a_sixteenth_column_is_the_score() -> None:
    assert parse(LINE + b" 0.75").boxes[0].score == 0.75


@pytest.mark.parametrize("empty", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_objects(empty: bytes) -> None:
    assert parse(empty).boxes == []


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (LINE + b"\n\nCar 0 0 0 1 2 3 4\n", 3, "8 columns; KITTI has 15, or 16 with a score"),
        (LINE + b" 1 2", 1, "17 columns; KITTI has 15, or 16 with a score"),
        (LINE.replace(b"402.31", b"4O2"), 1, "right is “4O2”, which is no number"),
        (LINE.replace(b"3.68", b"3_68"), 1, "z is “3_68”, which is no number"),
        (LINE + b"\n\xff\xfe", 2, "not UTF-8 text"),
    ],
)
def test_a_line_that_is_none_is_named(data: bytes, line: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data)
    assert (str(caught.value), caught.value.problem.line) == (message, line)


def test_windows_ends_of_lines_and_tabs_are_blanks() -> None:
    assert len(parse(LINE.replace(b" ", b"\t") + b"\r\n" + LINE + b"\r\n").boxes) == 2


def test_a_file_larger_than_allowed_is_not_looked_at() -> None:
    with pytest.raises(InputError, match="larger than 16 MiB"):
        list(text_lines(b" " * (16 * 2**20 + 1)))


words = st.one_of(st.just("Car"), st.text(max_size=5), st.floats().map(str), st.integers().map(str))


@given(st.one_of(st.binary(max_size=300), st.lists(words, max_size=40).map(lambda each: " ".join(each).encode())))
def test_only_our_errors(data: bytes) -> None:
    try:
        found = parse(data)
    except GradusError:
        return
    assert all(box.left < box.right and box.top < box.bottom for box in found.boxes)
