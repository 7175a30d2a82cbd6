"""Colours that every eye tells apart, and palettes that tell different stories."""

import pytest

from gradus.data.masks.palette import differing, palette_of

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
PLAIN = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def lab(colour, eye):
    linear = [(v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4) for v in colour]
    red, green, blue = (min(1, max(0, sum(a * b for a, b in zip(row, linear, strict=True)))) for row in eye)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("eye", [PLAIN, DEUTERANOPIA, PROTANOPIA], ids=["all", "no green", "no red"])
def test_the_first_24_and_black_are_apart_for_every_eye(eye):
    colours = [(0, 0, 0), *(tuple(bytes.fromhex(colour[1:])) for colour in palette_of([str(i) for i in range(24)]))]
    found = [lab(colour, eye) for colour in colours]
    least = min(
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
        for i, one in enumerate(found)
        for other in found[:i]
    )
    assert least > 10  # 2.3 is a just noticeable difference


def test_every_class_has_a_colour_of_its_own():
    found = palette_of([str(i) for i in range(64)])
    assert len(set(found)) == 64 and "#000000" not in found
    assert all(len(colour) == 7 and int(colour[1:], 16) < 2**24 for colour in found)


def test_a_background_is_black_and_own_colours_come_first():
    assert palette_of(["Background", "cat"])[0] == "#000000" != palette_of(["cat", "Background"])[0]
    assert palette_of(["a", "b", "c"], [(0, 158, 115), (255, 0, 1)])[:2] == ["#009e73", "#ff0001"]
    assert palette_of(["a"], [(0, 158, 115), (255, 0, 1)]) == ["#009e73"]


def test_palettes_differ_only_where_they_are_used():
    expected = [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    assert differing([0, 1, 2], [(0, 0, 0), (1, 1, 1), (9, 9, 9)], expected) == [2]
    assert differing([0, 1], [(0, 0, 0), (1, 1, 1), (9, 9, 9)], expected) == []
    assert differing([0, 1, 200], [(0, 0, 0)], expected) == []
