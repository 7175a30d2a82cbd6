"""Pictures, arrays and Caffe's messages, with numbers of closed forms and of Pillow and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gradus.nets.caffe.pycaffe import io
from gradus.nets.caffe.schema import message_class


def test_pictures_are_rgb_from_0_to_1(tmp_path, rng) -> None:
    pixels = rng.integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    loaded = io.load_image(tmp_path / "a.png")
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, pixels / 255, rtol=1e-6)
    gray = io.load_image(str(tmp_path / "a.png"), color=False)
    np.testing.assert_allclose(gray[..., 0], pixels @ [0.2125, 0.7154, 0.0721] / 255, rtol=1e-5)
    Image.fromarray(pixels[..., 0]).save(tmp_path / "g.png")
    assert io.load_image(tmp_path / "g.png").shape == (5, 7, 3)
    assert io.load_image(tmp_path / "g.png", color=False).shape == (5, 7, 1)
    with pytest.raises(RuntimeError, match="no longer there"):
        io.load_image(tmp_path / "lost.png")


def test_shrinking_is_bilinear_at_pixel_centres(rng) -> None:
    picture = rng.random((12, 9, 3))
    resized = io.resize_image(picture, (5, 4))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(picture).permute(2, 0, 1)[None], (5, 4), mode="bilinear", align_corners=False
    )
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected[0].permute(1, 2, 0), rtol=1e-5)


def test_enlarging_meets_the_pictures_minimum_at_the_border() -> None:
    """A ramp of 2 and 4 doubled: centres at -1/4, 1/4, 3/4, 5/4; beyond the border lies 2, the least."""
    ramp = np.array([2.0, 4.0])[None, :, None]
    np.testing.assert_allclose(io.resize_image(ramp, (1, 4))[0, :, 0], [2, 2.5, 3.5, 3.5])
    np.testing.assert_allclose(io.resize_image(np.full((2, 2, 3), 5.0), (7, 3)), 5.0)


def test_other_numbers_of_channels_go_from_corner_to_corner(rng) -> None:
    maps = rng.random((4, 5, 2))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(maps).permute(2, 0, 1)[None], (9, 7), mode="bilinear", align_corners=True
    )
    np.testing.assert_allclose(io.resize_image(maps, (9, 7)), expected[0].permute(1, 2, 0), rtol=1e-5)
    np.testing.assert_allclose(io.resize_image(np.arange(3.0)[None, :, None], (1, 6), 0)[0, :, 0], [0, 0, 1, 1, 2, 2])
    with pytest.raises(ValueError, match="interp_order 3"):
        io.resize_image(maps, (2, 2), interp_order=3)
    with pytest.raises(ValueError, match="cannot be resized"):
        io.resize_image(maps[0], (2, 2))


def test_ten_crops_of_a_picture() -> None:
    picture = np.arange(5 * 6, dtype=np.float32).reshape(5, 6, 1)
    crops = io.oversample([picture, picture + 100], (2, 3))
    assert crops.shape == (20, 2, 3, 1)
    assert [crop[0, 0, 0] for crop in crops[:5]] == [0, 3, 18, 21, 7]  # corners, then rows 1..2 and columns 1..3
    np.testing.assert_array_equal(crops[5:10], crops[:5, :, ::-1])
    assert crops[10, 0, 0, 0] == 100
    with pytest.raises(ValueError, match="do not fit"):
        io.oversample([picture], (6, 6))


def test_blobs_there_and_back(rng) -> None:
    values, diff = rng.random((2, 3)).astype(np.float32), rng.random((2, 3)).astype(np.float32)
    blob = io.array_to_blobproto(values, diff)
    np.testing.assert_array_equal(io.blobproto_to_array(blob), values)
    np.testing.assert_array_equal(io.blobproto_to_array(blob, return_diff=True), diff)
    many = io.arraylist_to_blobprotovector_str([values, diff])
    assert isinstance(many, bytes)
    np.testing.assert_array_equal(io.blobprotovector_str_to_arraylist(many), [values, diff])
    old = message_class("BlobProto")(num=1, channels=1, height=2, width=3, data=values.ravel())
    assert io.blobproto_to_array(old).shape == (1, 1, 2, 3)
    with pytest.raises(ValueError, match="6 values"):
        io.blobproto_to_array(message_class("BlobProto")(data=values.ravel()))


def test_datums_there_and_back(rng) -> None:
    pixels = rng.integers(0, 256, (3, 2, 4), np.uint8)
    datum = io.array_to_datum(pixels, label=7)
    assert (datum.channels, datum.height, datum.width, datum.label) == (3, 2, 4, 7)
    assert datum.data == pixels.tobytes()
    again = io.datum_to_array(datum)
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, pixels)
    floats = io.array_to_datum(pixels / 3)
    assert (floats.data, floats.HasField("label")) == (b"", False)
    np.testing.assert_allclose(io.datum_to_array(floats), pixels / 3, rtol=1e-6)
    with pytest.raises(ValueError, match="Incorrect array shape"):
        io.array_to_datum(pixels[0])
    with pytest.raises(ValueError, match="3 values, not 3 x 2 x 4"):
        io.datum_to_array(message_class("Datum")(channels=3, height=2, width=4, data=b"abc"))
