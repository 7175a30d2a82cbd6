"""Colours that every eye tells apart, and palettes that tell different stories."""

import pytest

from gradus.data.masks.palette import SAFE, differing, hexes, safe_palette

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
def test_the_first_eight_are_apart_for_every_eye(eye):
    found = [lab(colour, eye) for colour in safe_palette(8)]
    least = min(
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
        for i, one in enumerate(found)
        for other in found[:i]
    )
    assert least > 10  # 2.3 is a just noticeable difference


def test_all_are_different_and_the_first_is_black():
    found = safe_palette(64)
    assert len(set(found)) > 56 and found[0] == (0, 0, 0) and found[:8] == list(SAFE)
    assert safe_palette(3) == found[:3] and safe_palette(0) == []
    assert all(0 <= value <= 255 for colour in safe_palette(255) for value in colour)


def test_as_pages_write_them():
    assert hexes([(0, 158, 115), (255, 0, 1)]) == ["#009e73", "#ff0001"]


def test_palettes_differ_only_where_they_are_used():
    expected = [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    assert differing([0, 1, 2], [(0, 0, 0), (1, 1, 1), (9, 9, 9)], expected) == [2]
    assert differing([0, 1], [(0, 0, 0), (1, 1, 1), (9, 9, 9)], expected) == []
    assert differing([0, 1, 200], [(0, 0, 0)], expected) == []
