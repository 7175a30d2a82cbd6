"""Samples are shown alike whether they were just made or are read from a database."""

import io

import numpy as np
import pytest
from PIL import Image

from gradus.core.generic import Presentation, RecordEncoding
from gradus.data.arrays import encode_record
from gradus.data.showing import colour_of, feature_png, label_png, label_view, size_of
from gradus.data.text import Alphabet

LABELS = ["dontcare", "car", "bus"]


def stored(value):
    """The value as a record of a database."""
    return encode_record(value, RecordEncoding.RAW).data


@pytest.fixture(params=[lambda value: value, stored], ids=["made", "stored"])
def given(request):
    return request.param


def picture_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_boxes_are_rows_after_the_one_that_counts_them(given) -> None:
    rows = np.zeros((5, 16), np.float32)
    rows[0, :2] = (2, 16)
    rows[1, :6] = (10, 20, 30, 40, -1, 2)
    rows[2, :6] = (1.5, 2.5, 3.5, 4.5, 0, 0)
    rows[3, :6] = (9, 9, 9, 9, 9, 9)  # only fills the array
    view = label_view(Presentation.BOXES, given(rows), LABELS)
    first, second = view.boxes
    assert (first.left, first.top, first.width, first.height, first.name, first.counted) == (
        10,
        20,
        30,
        40,
        "bus",
        True,
    )
    assert (second.left, second.name, second.counted) == (1.5, "dontcare", False)
    assert first.colour != second.colour
    assert label_png(Presentation.BOXES, given(rows)) is None


def test_a_count_of_boxes_that_is_too_high_ends_with_the_array() -> None:
    rows = np.zeros((2, 16), np.float32)
    rows[0, 0] = 99
    assert len(label_view(Presentation.BOXES, rows, LABELS).boxes) == 1
    rows[0, 0] = -3
    assert label_view(Presentation.BOXES, rows, LABELS).boxes == []


def test_a_mask_has_the_colours_of_its_classes_and_is_clear_where_none_counts(given) -> None:
    mask = np.array([[0, 1, 1, 255], [2, 1, 1, 255]], np.uint8)
    palette = ["#000000", "#102030", "#ff0000"]
    view = label_view(Presentation.MASK, given(mask), ["nothing", "road", "car"], palette, ignored=255)
    assert [(c.name, c.share, c.colour) for c in view.classes] == [
        ("road", 4 / 6, "#102030"), ("nothing", 1 / 6, "#000000"), ("car", 1 / 6, "#ff0000"),
    ]  # fmt: skip
    assert (view.width, view.height) == (4, 2)
    shown = picture_of(label_png(Presentation.MASK, given(mask), palette, ignored=255))
    assert shown[0, 1].tolist() == [16, 32, 48, 255]
    assert shown[1, 0].tolist() == [255, 0, 0, 255]
    assert shown[0, 0, 3] == shown[0, 3, 3] == 0


def test_a_mask_is_made_smaller_without_new_classes() -> None:
    mask = np.repeat(np.array([[1], [2]], np.uint8), 50, 0).repeat(100, 1)
    shown = picture_of(label_png(Presentation.MASK, mask, ["#000000", "#0000ff", "#00ff00"], side=10))
    assert shown.shape == (10, 10, 4)
    assert {tuple(pixel) for pixel in shown.reshape(-1, 4)} == {(0, 0, 255, 255), (0, 255, 0, 255)}


def test_a_target_picture_is_a_picture(given) -> None:
    target = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    view = label_view(Presentation.PICTURE, given(target), [])
    assert (view.width, view.height) == (5, 4)
    assert (picture_of(label_png(Presentation.PICTURE, given(target)))[..., :3] == target).all()
    assert (picture_of(feature_png(given(target)))[..., :3] == target).all()
    assert size_of(given(target)) == (5, 4)


def test_numbers_and_classes(given) -> None:
    view = label_view(Presentation.VECTOR, given(np.array([0.5, -1], np.float32)), [])
    assert (view.values, view.count) == ([0.5, -1], 2)
    view = label_view(Presentation.CLASSES, given(np.array([0, 1, 1, 0], np.float32)), ["a", "b", "c"])
    assert [each.name for each in view.classes] == ["b", "c"]
    user = {"targets": [{"name": "angle", "mean": 1.0}, {"name": "speed"}]}
    assert label_view(Presentation.VECTOR, given(np.array([0.5, -1], np.float32)), [], (), user).names == [
        "angle", "speed"
    ]  # fmt: skip
    for other in ({}, {"targets": "angle"}, {"targets": [{"name": "angle"}]}, {"targets": ["angle", "speed"]}):
        assert label_view(Presentation.VECTOR, given(np.array([0.5, -1], np.float32)), [], (), other).names == []
    long = label_view(Presentation.VECTOR, np.zeros(1000, np.float32), [])
    assert (len(long.values), long.count) == (100, 1000)


def test_text_is_read_with_its_alphabet(given) -> None:
    numbers = Alphabet("abcdefgh ").encode("Bad egg", 20)
    label = given(1) if given is stored else 1
    view = label_view(Presentation.TEXT, label, ["good", "bad"], user={"alphabet": "abcdefgh "}, feature=given(numbers))
    assert view.text == "bad egg"
    assert [each.name for each in view.classes] == ["bad"]


def test_what_does_not_fit_its_presentation_is_shown_as_numbers() -> None:
    assert label_view(Presentation.BOXES, np.ones(3, np.float32), LABELS).values == [1, 1, 1]
    assert label_view(Presentation.MASK, np.ones((1, 2, 2), np.float32), LABELS).values == [1, 1, 1, 1]
    assert label_view(Presentation.NONE, None, []).presentation is Presentation.NONE
    assert label_view(Presentation.BOXES, None, []).boxes == []
    assert feature_png(None) is None


def test_classes_have_colours_of_their_own() -> None:
    assert len({colour_of(number) for number in range(40)}) == 40
    assert colour_of(1, ["#111111", "#222222"]) == "#222222"
