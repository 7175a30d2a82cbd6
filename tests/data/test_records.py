"""A record's picture against what OpenCV decodes."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradus.core.errors import InputError
from gradus.data.records import decode_picture

FLAGS = {None: cv2.IMREAD_UNCHANGED, 1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}


@pytest.mark.parametrize("channels", FLAGS)
@pytest.mark.parametrize("kind, stored", [("png", 1), ("png", 3), ("png", 4), ("jpg", 1), ("jpg", 3), ("bmp", 3)])
def test_pictures_are_what_opencv_decodes(channels, kind, stored):
    small = np.random.default_rng(4).integers(0, 256, (5, 6, stored), dtype=np.uint8)
    file = cv2.imencode(f".{kind}", cv2.resize(small, (30, 20), interpolation=cv2.INTER_CUBIC))[1]
    expected = cv2.imdecode(file, FLAGS[channels]).reshape(20, 30, -1)
    found = decode_picture(memoryview(file.tobytes()), channels)
    assert found.shape == expected.shape
    apart = 1 if (kind, channels) == ("bmp", 1) else 0  # OpenCV's BMP reader rounds gray otherwise than OpenCV
    assert np.abs(found.astype(int) - expected).max() <= apart


def test_a_jpeg_for_print_goes_through_opencv():
    file = BytesIO()
    Image.fromarray(np.random.default_rng(4).integers(0, 256, (8, 9, 4), dtype=np.uint8), "CMYK").save(file, "JPEG")
    expected = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decode_picture(memoryview(file.getvalue()), 3), expected)


def test_deep_pictures_are_refused_not_cut():
    file = cv2.imencode(".png", np.full((3, 3), 40000, np.uint16))[1]
    with pytest.raises(InputError, match="16 bits"):
        decode_picture(memoryview(file.tobytes()), None)


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_picture_cut_off_or_huge_is_refused(kind):
    file = cv2.imencode(f".{kind}", np.random.default_rng(4).integers(0, 256, (40, 40, 3), dtype=np.uint8))[1].tobytes()
    for data in (b"", file[: len(file) // 2]):
        with pytest.raises(InputError, match=r"damaged|cut off|empty"):
            decode_picture(memoryview(data), 3)
    at = 16 if kind == "png" else file.index(b"\xff\xc0") + 5
    size = (60000).to_bytes(4, "big") * 2 if kind == "png" else (60000).to_bytes(2, "big") * 2
    with pytest.raises(InputError, match="megapixels"):
        decode_picture(memoryview(file[:at] + size + file[at + len(size) :]), 3)


@given(st.binary(max_size=64), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"BM"]))
def test_any_bytes_are_refused_in_words(data, start):
    with pytest.raises(InputError):
        decode_picture(memoryview(start + data), 3)
