"""From label pictures to masks: what each rule keeps, ignores and refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gradus.core.errors import ImageError
from gradus.data.masks.coding import Coding
from gradus.data.masks.colour_map import ColourMap
from gradus.data.masks.labels import LabelPicture

BLACK, RED, GREEN, VOID = (0, 0, 0), (128, 0, 0), (0, 128, 0), (224, 224, 192)
MAP = ColourMap([BLACK, RED, GREEN], ["", "", ""])
PALETTE = (BLACK, RED, GREEN, *[VOID] * 253)


def numbers(*values, dtype=np.uint8, **more):
    return LabelPicture(np.array([values], dtype), **more)


def colours(*values):
    return LabelPicture(np.array([values], np.uint8))


def test_numbers_are_classes_and_255_is_ignored():
    assert Coding().read(numbers(0, 3, 254, 255)).mask.tolist() == [[0, 3, 254, 255]]
    assert Coding(classes=4).read(numbers(0, 3, 255)).remarks == []
    deep = Coding().read(numbers(0, 254, 255, 65535, dtype=np.uint16)).mask
    assert deep.dtype == np.uint8 and deep.tolist() == [[0, 254, 255, 255]]


def test_other_numbers_may_be_ignored_too():
    read = Coding(ignored=frozenset([0, 2]), classes=2).read(numbers(0, 1, 2, 255))
    assert read.mask.tolist() == [[255, 1, 255, 255]] and read.remarks == []


def test_there_is_room_for_255_classes():
    with pytest.raises(ImageError, match="number 300"):
        Coding().read(numbers(0, 300, dtype=np.uint16))


def test_a_number_without_a_name_is_told_with_its_pixels_and_ignored():
    read = Coding(classes=3).read(numbers(0, 2, 3, 3, 7, 255))
    assert read.mask.tolist() == [[0, 2, 255, 255, 255, 255]]
    (remark,) = read.remarks
    assert "3 (2 pixels), 7 (1 pixels)" in remark and "3 classes have names" in remark


def test_black_and_white():
    coding = Coding(binary=True)
    assert coding.read(numbers(0, 255, 255)).mask.tolist() == [[0, 1, 1]]
    assert coding.read(numbers(0, 65535, dtype=np.uint16)).mask.tolist() == [[0, 1]]
    with pytest.raises(ImageError, match="number 17"):
        coding.read(numbers(0, 17, 255))


def test_halves():
    coding = Coding(binary=True, halves=True)
    assert coding.read(numbers(0, 127, 128, 255)).mask.tolist() == [[0, 0, 1, 1]]
    assert coding.read(numbers(0, 32767, 32768, dtype=np.uint16)).mask.tolist() == [[0, 0, 1]]
    assert coding.read(numbers(0, 1, 1)).mask.tolist() == [[0, 1, 1]]  # numbers of two classes already
    assert coding.read(numbers(3, 250, lossy=True)).mask.tolist() == [[0, 1]]


def test_a_jpeg_has_no_numbers():
    with pytest.raises(ImageError, match="JPEG"):
        Coding().read(numbers(0, 1, lossy=True))


def test_colours_need_a_map():
    with pytest.raises(ImageError, match=r"colours, not numbers: 128 0 0 \(2 pixels\), 0 0 0 \(1 pixels\)"):
        Coding().read(colours(RED, RED, BLACK))


def test_colours_are_looked_up_and_unknown_ones_told_and_ignored():
    read = Coding(colours=MAP).read(colours(GREEN, VOID, RED, VOID, (1, 2, 3)))
    assert read.mask.tolist() == [[2, 255, 1, 255, 255]]
    assert "3 pixels" in read.remarks[0] and "224 224 192 (2 pixels), 1 2 3 (1 pixels)" in read.remarks[0]


def test_with_a_map_the_colours_of_a_palette_decide():
    other = (GREEN, BLACK, RED, (9, 9, 9), *[VOID] * 252)
    read = Coding(colours=MAP).read(numbers(0, 1, 2, 255, palette=other))
    assert read.mask.tolist() == [[2, 0, 1, 255]] and read.remarks == []  # 9 9 9 is not used, 255 may be anything
    read = Coding(colours=MAP).read(numbers(3, 3, 0, palette=other))
    assert read.mask.tolist() == [[255, 255, 2]] and "9 9 9 (2 pixels)" in read.remarks[0]
    assert Coding(colours=MAP).read(numbers(2, 1)).mask.tolist() == [[2, 1]]  # gray pictures have numbers


def test_a_void_colour_is_ignored_without_a_word():
    found = ColourMap([BLACK, RED], ["", ""], frozenset([VOID]))
    read = Coding(colours=found).read(colours(RED, VOID))
    assert read.mask.tolist() == [[1, 255]] and read.remarks == []
    read = Coding(colours=found).read(numbers(1, 7, palette=PALETTE))
    assert read.mask.tolist() == [[1, 255]] and read.remarks == []


def test_a_palette_that_differs_where_it_is_used():
    coding = Coding(palette=PALETTE)
    swapped = (BLACK, GREEN, RED, *PALETTE[3:])
    assert coding.read(numbers(0, 255, palette=swapped)).mask.tolist() == [[0, 255]]
    with pytest.raises(ImageError, match="number 1 is 0 128 0, and 128 0 0 in the first"):
        coding.read(numbers(0, 1, palette=swapped))
    assert coding.read(numbers(0, 1, palette=PALETTE[:2])).mask.tolist() == [[0, 1]]
    assert coding.read(numbers(0, 1)).mask.tolist() == [[0, 1]]


shape = arrays.array_shapes(min_dims=2, max_dims=2, max_side=6)


@given(arrays.arrays(np.uint16, shape), st.booleans(), st.booleans(), st.none() | st.integers(1, 255))
def test_a_mask_has_only_classes_that_there_are(values, binary, halves, classes):
    coding = Coding(binary=binary, halves=binary and halves, classes=classes)
    for picture in (LabelPicture(values), LabelPicture(values.astype(np.uint8))):
        try:
            mask, _ = coding.read(picture)
        except ImageError:
            continue
        assert mask.dtype == np.uint8 and mask.shape == values.shape
        assert classes is None or set(np.unique(mask)) <= {*range(classes), 255}
