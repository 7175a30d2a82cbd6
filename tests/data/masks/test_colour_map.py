"""Colour maps as written by hand, and pixels looked up one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.masks.colour_map import ColourMap, colour_text, count_colours, read_colour_map


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "map.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_numbers_and_names(written):
    found = read_colour_map(written("\ufeff# R G B\n0 0 0 background\r\n\n128 0 0\n64,128,64,  dark green \n"), "x")
    assert list(found.colours) == [(0, 0, 0), (128, 0, 0), (64, 128, 64)]
    assert list(found.names) == ["background", "", "dark green"]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("0 0 0\n1 2\n", 2, "three numbers"),
        ("0 0 0\n1 2 256\n", 2, "three numbers"),
        ("0 0 0\n-1 2 3\n", 2, "three numbers"),
        ("0 0 0\nred\n", 2, "three numbers"),
        ("0 0 0\n1 2 3\x1b[2J\n", 2, "three numbers"),
        ("1 1 1\n0 0 0\n1 1 1\n", 3, "1 1 1 is on line 1 already"),
        ("", 1, "no colour"),
        ("# 1 2 3\n", 1, "no colour"),
        ("".join(f"{i} 0 0\n" for i in range(256)), 256, "more than 255"),
        (b"\xff\xfe1\x00", None, "UTF-16"),
    ],
)
def test_a_map_that_cannot_be_used_names_its_line(written, content, line, reason):
    with pytest.raises(InputError, match=reason) as error:
        read_colour_map(written(content), "colormap_text_file")
    assert error.value.problem.line == line and error.value.problem.field == "colormap_text_file"


def test_255_classes_are_the_most(written):
    assert len(read_colour_map(written("".join(f"{i} 0 0\n" for i in range(255))), "x").colours) == 255


colours = st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=20, unique=True)
names = st.text(st.characters(categories=("L", "N", "P", "Zs", "So")), max_size=10)


@given(colours, st.data())
def test_what_is_written_is_read(tmp_path_factory, found, data):
    path = tmp_path_factory.mktemp("map") / "map.txt"
    given_ = [data.draw(names.map(str.strip).filter(lambda name: name[:1] not in (",", ";"))) for _ in found]
    given_ = [
        name if name.lower() not in ("void", "ignore") and name.isprintable() and "%" not in name else ""
        for name in given_
    ]
    path.write_text("".join(f"{colour_text(c)} {n}\n" for c, n in zip(found, given_, strict=True)), "utf-8")
    read = read_colour_map(path, "x")
    assert list(read.colours) == found and list(read.names) == given_


def test_a_colour_named_void_counts_for_no_class(written):
    found = read_colour_map(written("0 0 0 Void\n128 0 0 car\n224 224 192 ignore\n"), "x")
    assert list(found.colours) == [(128, 0, 0)] and list(found.names) == ["car"]
    pixels = np.array([[[0, 0, 0], [128, 0, 0], [224, 224, 192], [1, 1, 1]]], np.uint8)
    numbers, unknown = found.numbers_of(pixels)
    assert numbers.tolist() == [[255, 0, 255, 255]] and unknown == [((1, 1, 1), 1)]


@given(st.binary(max_size=200))
def test_no_file_does_anything_but_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("map") / "map.txt"
    path.write_bytes(content)
    try:
        found = read_colour_map(path, "x")
    except InputError:
        return
    assert 1 <= len(found.colours) == len(found.names) <= 255


@given(colours, st.integers(0, 2**32 - 1))
def test_every_pixel_is_looked_up(found, seed):
    made = np.random.default_rng(seed)
    wanted = made.integers(0, len(found) + 1, (6, 7))
    other = next(c for c in ((i, 1, 2) for i in range(256)) if c not in found)
    pixels = np.array([*found, other], np.uint8)[wanted]
    numbers, unknown = ColourMap(found, [""] * len(found)).numbers_of(pixels)
    strange = int((wanted == len(found)).sum())
    assert numbers.tolist() == np.where(wanted == len(found), 255, wanted).tolist()
    assert unknown == ([(other, strange)] if strange else [])


def test_unknown_colours_come_by_their_number():
    pixels = np.array([[[9, 9, 9], [0, 0, 0], [8, 8, 8], [9, 9, 9]]], np.uint8)
    _, unknown = ColourMap([(0, 0, 0)], [""]).numbers_of(pixels)
    assert unknown == [((9, 9, 9), 2), ((8, 8, 8), 1)]
    assert count_colours(pixels) == [((9, 9, 9), 2), ((0, 0, 0), 1), ((8, 8, 8), 1)]
