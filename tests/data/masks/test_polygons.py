"""Areas in closed form, OpenCV and Pillow as other rasterisers, and run lengths worked by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from gradus.core.errors import InputError
from gradus.data.masks.polygons import polygons, segment, uncompressed

H, W = 40, 50


def rectangle(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


@pytest.mark.parametrize("box", [(10, 5, 20, 15), (10.5, 5.5, 20.5, 15.5), (10.4, 5.4, 20.4, 15.4), (0, 0, W, H)])
def test_a_rectangle_covers_its_area(box):
    mask = polygons([rectangle(*box)], H, W)
    assert mask.dtype == np.bool_ and mask.shape == (H, W)
    assert mask.sum() == round((box[2] - box[0]) * (box[3] - box[1]))


def test_the_pixels_of_a_rectangle_are_those_whose_centre_it_holds():
    expected = np.zeros((H, W), bool)
    expected[5:15, 10:20] = True
    assert (polygons([rectangle(10, 5, 20, 15)], H, W) == expected).all()
    assert (polygons([rectangle(9.6, 4.6, 20.4, 15.4)], H, W) == expected).all()
    assert not polygons([rectangle(10.6, 5.6, 11.4, 6.4)], H, W).any()  # between two centres


def test_a_triangle_covers_half_of_its_square():
    side = 30
    mask = polygons([[0, 0, side, 0, 0, side]], H, W)
    # row y holds the centres x + 1/2 < side - (y + 1/2), so side - 1 - y of them
    assert [int(n) for n in mask.sum(axis=1)[:side]] == [side - 1 - y for y in range(side)]
    assert mask.sum() == side * (side - 1) // 2


coordinate = st.floats(-20, 80, allow_nan=False).map(lambda value: round(value, 2))
corner = st.tuples(coordinate, coordinate)


@given(corner, corner, corner, corner)
def test_triangles_that_share_an_edge_share_no_pixel_and_leave_none(a, b, c, d):
    """Whatever the four corners: by even-odd, a, b, c and a, c, d together are the outline a, b, c, d."""
    one, other = ([*a, *b, *c], [*a, *c, *d])
    both = polygons([one], H, W) ^ polygons([other], H, W)
    assert (both == polygons([[*a, *b, *c, *d]], H, W)).all()


@given(st.lists(corner, min_size=3, max_size=8))
def test_the_way_round_and_the_first_corner_make_no_difference(corners):
    flat = [value for point in corners for value in point]
    back = [value for point in reversed(corners) for value in point]
    assert (polygons([flat], H, W) == polygons([back], H, W)).all()
    assert (polygons([flat], H, W) == polygons([flat[2:] + flat[:2]], H, W)).all()


@given(st.lists(st.tuples(st.integers(0, W - 1), st.integers(0, H - 1)), min_size=3, max_size=3))
def test_within_a_pixel_of_the_outline_of_opencv_and_pillow(corners):
    """Both paint every pixel that the outline touches; inside of it all three are the same."""
    points = np.array(corners, np.int32)
    ours = polygons([points.ravel().tolist()], H, W)
    theirs = np.zeros((H, W), np.uint8)
    cv2.fillPoly(theirs, [points], 1)
    outline = np.zeros((H, W), np.uint8)
    cv2.polylines(outline, [points], True, 1, thickness=3)
    differs = ours != theirs.astype(bool)
    assert not differs[outline == 0].any()
    image = Image.new("1", (W, H))
    ImageDraw.Draw(image).polygon([tuple(map(int, point)) for point in corners], fill=1)
    assert not (ours != np.asarray(image))[outline == 0].any()


def test_a_circle_holds_the_centres_that_are_near_its_own():
    """None lies between the circle and its 200 corners: 4 r squared is 900, and 898 the next sum of odd squares."""
    turns = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    flat = np.stack([20 + 15 * np.cos(turns), 20 + 15 * np.sin(turns)], axis=1).ravel().tolist()
    y, x = np.mgrid[0:H, 0:W] + 0.5
    assert (polygons([flat], H, W) == ((x - 20) ** 2 + (y - 20) ** 2 < 225)).all()


def test_the_area_of_any_outline():
    """By the shoelace formula: (-165 + 1215 + 470 - 85) / 2."""
    assert polygons([[5, 5, 45, 12, 30, 35, 8, 25]], H, W).sum() == pytest.approx(717.5, rel=0.01)


def test_parts_are_joined_and_what_is_outside_is_cut():
    mask = polygons([rectangle(0, 0, 10, 10), rectangle(5, 5, 15, 15), rectangle(45, 35, 500, 500)], H, W)
    assert mask.sum() == 100 + 100 - 25 + 5 * 5
    assert not polygons([rectangle(-30, -30, -10, -10), rectangle(60, 0, 70, 10)], H, W).any()


def test_one_polygon_without_its_list():
    assert segment(rectangle(0, 0, 10, 10), H, W).sum() == 100


def test_an_outline_that_runs_around_twice_leaves_the_middle_out():
    twice = rectangle(0, 0, 20, 20) + rectangle(5, 5, 15, 15)
    assert polygons([twice], H, W)[10, 10] == 0 and polygons([twice], H, W)[2, 2] == 1


@pytest.mark.parametrize(
    "given_",
    [
        [], [[]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]], [[0, 0, float("nan"), 0, 5, 5]], [[0, 0, 1e300, 0, 5, 5]],
        [[0, 0, 10**400, 0, 5, 5]], [["1", 0, 5, 0, 5, 5]], ["abcdef"], [None], [[True, 0, 5, 0, 5, 5]], 5, "x", None,
        {}, {"size": [W, H], "counts": [H * W]}, {"size": [H, W]}, {"size": [H, W], "counts": [H * W - 1]},
        {"size": [H, W], "counts": [-1, H * W + 1]}, {"size": [H, W], "counts": [float(H * W)]},
        {"size": [H, W], "counts": "\u20ac"}, {"size": [H, W], "counts": "P"}, {"size": [H, W], "counts": "o" * 1000},
        {"size": "x", "counts": "0"}, {"size": [H, W], "counts": {}},
    ],
)  # fmt: skip
def test_what_is_no_segmentation(given_):
    with pytest.raises(InputError):
        segment(given_, H, W)


def test_too_many_crossings():
    zigzag = [value for i in range(5000) for value in (i % 50, 0 if i % 2 else 8000)]
    with pytest.raises(InputError, match="too many corners"):
        segment([zigzag], 8000, 50)


def test_run_lengths_go_down_the_columns_and_begin_outside():
    # 3 rows, 4 columns; by columns: 000 111 011 000
    found = {"size": [3, 4], "counts": [3, 3, 1, 2, 3]}
    assert segment(found, 3, 4).astype(int).tolist() == [[0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    assert segment({"size": [3, 4], "counts": [0, 12]}, 3, 4).all()


def test_the_compressed_form_worked_by_hand():
    """Runs 3, 3, 1, 2, 3: the first three as they are, then 2 - 3 = -1 and 3 - 1 = 2; each fits five bits.

    Character = 48 + value; -1 is 31 in five bits. 48+3 "3", 48+3 "3", 48+1 "1", 48+31 "O", 48+2 "2".
    """
    assert uncompressed("331O2") == [3, 3, 1, 2, 3]
    assert segment({"size": [3, 4], "counts": "331O2"}, 3, 4).sum() == 5


def test_a_long_run_takes_more_characters():
    """1000 = 8 + 31 * 32: low five bits 8 with the flag 32, then 31; as that would read as negative, a third of 0.

    48+40 "X", 48+63 "o", 48+0 "0".
    """
    assert uncompressed("Xo0") == [1000]


def compressed(runs):
    """The other direction, from the description in maskApi.c."""
    out = ""
    for i, run in enumerate(runs):
        number = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            low = number & 31
            number >>= 5
            more = number != (-1 if low & 16 else 0)
            out += chr(48 + (low | (32 if more else 0)))
    return out


@given(st.lists(st.integers(0, 2**24), max_size=30))
def test_what_is_compressed_comes_back(runs):
    assert uncompressed(compressed(runs)) == runs


@given(st.text(max_size=40))
def test_no_text_does_anything_but_an_input_error(text):
    try:
        mask = segment({"size": [6, 5], "counts": text}, 6, 5)
    except InputError:
        return
    assert mask.shape == (6, 5)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_no_value_does_anything_but_an_input_error(value):
    try:
        mask = segment(value, 6, 5)
    except InputError:
        return
    assert mask.shape == (6, 5)
