"""YOLO's lines, and the names of its classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import GradusError, InputError
from gradus.data.annotations.boxes import Box
from gradus.data.annotations.yolo import parse, read_names, read_yaml

NAMES = ["cat", "dog"]


def corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def test_a_line_is_the_centre_and_the_size() -> None:
    found = parse(b"1 0.5 0.25 0.5 0.25\n0 0.5 0.5 1 1 0.875\n", NAMES)
    assert found.relative
    assert [(box.name, box.score, corners(box)) for box in found.boxes] == [
        ("dog", None, (0.25, 0.125, 0.75, 0.375)),
        ("cat", 0.875, (0, 0, 1, 1)),
    ]


def test_a_polygon_is_the_box_around_it() -> None:
    found = parse(b"0 0.5 0.125 0.25 0.5 0.75 0.375\n", NAMES)
    assert corners(found.boxes[0]) == (0.25, 0.125, 0.75, 0.5)


def test_the_points_of_a_pose_are_passed_over() -> None:
    found = parse(b"0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.9 0.9 2\n", NAMES, poses=True)
    assert corners(found.boxes[0]) == (0.25, 0.25, 0.75, 0.75)


def test_without_names_a_class_is_called_by_its_number() -> None:
    assert [box.name for box in parse(b"12 0.5 0.5 1 1\n3.0 0.5 0.5 1 1", None).boxes] == ["class 12", "class 3"]


def test_a_class_without_a_name_is_remarked() -> None:
    found = parse(b"2 0.5 0.5 1 1\n1 0.5 0.5 1 1\n", NAMES)
    assert found.remarks == ["line 1: class 2 has no name: there are 2, counted from 0; it is left out"]
    assert [box.name for box in found.boxes] == ["dog"]


def test_an_empty_file_has_no_objects() -> None:
    assert parse(b"", NAMES).boxes == []


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"0 0.5 0.5 1 1\n0 1 1 1", 2, "4 columns; YOLO has 5, 6 with a score, or corners in pairs"),
        (b"0 1 1 1 1 1 1 1", 1, "8 columns; YOLO has 5, 6 with a score, or corners in pairs"),
        (b"cat 0.5 0.5 1 1", 1, "the class is “cat”, which is no number"),
        (b"-1 0.5 0.5 1 1", 1, "class -1: a class is a number from 0"),
        (b"0.5 0.5 0.5 1 1", 1, "class 0.5: a class is a number from 0"),
        (b"nan 0.5 0.5 1 1", 1, "class nan: a class is a number from 0"),
        (b"0 0.5 0,5 1 1", 1, "column 3 is “0,5”, which is no number"),
    ],
)
def test_a_line_that_is_none_is_named(data: bytes, line: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data, NAMES)
    assert (str(caught.value), caught.value.problem.line) == (message, line)


@pytest.mark.parametrize(
    ("text", "names", "poses"),
    [
        ("train: ../a\nnames: ['cat', \"dog\"]\nnc: 2\n", ["cat", "dog"], False),
        ("names:\n  0: cat\n  2: dog\n", ["cat", "", "dog"], False),
        ("names:\n- yes\n- 1.50\n", ["yes", "1.50"], False),
        ("kpt_shape: [17, 3]\nnames: {0: person}\n", ["person"], True),
    ],
)
def test_names_of_data_yaml(text: str, names: list[str], poses: bool) -> None:
    assert read_yaml(text.encode()) == (names, poses)


MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: v}}\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        "nc: 2\n", "names: 3\n", "names: []\n", "names: {}\n", "names: [[a]]\n", "- a\n", "", "names: {a: b}\n",
        "names: {0: [a]}\n", "names: {9999999: a}\n", "names: {999999: a}\n", "names: [a", "a: b: c", "\x00",
        "[" * 5000,
        '"\\U99999999"', "!!python/object/apply:os.system [ls]", "names: *a\n", "names: &a [*a]\n", MERGES,
    ],
)  # fmt: skip
def test_what_is_no_list_of_names_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_yaml(text.encode())


def test_names_one_a_line() -> None:
    assert read_names("\ufeffcat\r\ntraffic  light\n".encode()) == ["cat", "traffic light"]
    assert read_names(b"cat\n\ndog\n") == ["cat", "", "dog"]
    with pytest.raises(InputError):
        read_names(b"\n")


numbers = st.one_of(st.just("0"), st.floats().map(str), st.integers().map(str), st.text(max_size=3))


@given(
    st.one_of(st.binary(max_size=200), st.lists(numbers, max_size=20).map(lambda each: " ".join(each).encode())),
    st.sampled_from([None, NAMES]),
    st.booleans(),
)
def test_only_our_errors(data: bytes, names: list[str] | None, poses: bool) -> None:
    try:
        found = parse(data, names, poses)
    except GradusError:
        return
    assert all(box.left < box.right and box.top < box.bottom for box in found.boxes)


@given(st.one_of(st.binary(max_size=100), st.text("&*!|>[]{}:-,#'\"?%@`<0a \n\t", max_size=60).map(str.encode)))
def test_only_our_errors_of_names(data: bytes) -> None:
    for read in (read_yaml, read_names):
        try:
            read(data)
        except GradusError:
            continue
