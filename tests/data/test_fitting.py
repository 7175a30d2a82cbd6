"""Files brought to size: fractions of JPEGs against the whole by Pillow, copies against the original's bits."""

import io

import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import Encoding, ResizeMode
from gradus.data.exif import upright
from gradus.data.fitting import fit_file
from gradus.data.jpeg import bare_jpeg
from gradus.data.resize import fit

SQUASH = ResizeMode.SQUASH


def scene(width, height):
    """Smooth light, edges and some noise, as photographs have."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    made = np.random.default_rng(5)
    pixels = np.stack([120 + 90 * np.sin(9 * x + 2 * c) * np.cos(7 * y - c) for c in range(3)], axis=-1)
    pixels[(np.hypot(x - 0.5, y - 0.3) < 0.2) | ((x * 10 % 1 < 0.3) & (y > 0.6))] *= 0.4
    return np.clip(pixels + made.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)


def jpeg(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("mode", list(ResizeMode))
@pytest.mark.parametrize("size", [(1024, 768), (1023, 765), (2047, 601), (300, 1200)])
def test_a_fraction_is_close_to_the_whole(mode, size):
    data = jpeg(scene(*size))
    whole = np.asarray(Image.open(io.BytesIO(data)))
    found = fit_file(data, 128, 128, 3, mode)
    assert found.size == size
    difference = np.abs(found.pixels.astype(int) - fit(whole, 128, 128, 3, mode))
    assert difference.mean() < 1.5 and np.percentile(difference, 99) < 12
    black = (fit(np.full_like(whole, 255), 128, 128, 3, mode) == 0).all(axis=-1)
    assert (found.pixels[black] == 0).all()  # the bands are exactly as wide


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_fraction_is_turned_like_the_whole(orientation):
    pixels = scene(900, 400)
    found = fit_file(jpeg(pixels, exif=turned(orientation)), 100, 60, 3, SQUASH)
    straight = upright(pixels, orientation)
    assert found.size == (straight.shape[1], straight.shape[0])
    expected = np.asarray(Image.fromarray(straight).resize((100, 60), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(found.pixels - expected).mean() < 2


def test_a_fine_grating_does_not_alias():
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, (np.arange(1200) * 0.47 % 1) < 0.5] = 255  # 2.1 pixels a pair, shrunk by 9.4
    found = fit_file(jpeg(stripes, quality=95), 128, 128, 3, SQUASH).pixels.astype(float)
    assert found.std() < 127 / 8  # taking single pixels would give 127, Pillow's own fractions give 13.6


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"hello"}, {"icc_profile": b"x" * 500}])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_of_the_right_size_is_copied_without_its_metadata(options, channels):
    pixels = scene(40, 30) if channels == 3 else scene(40, 30)[..., 0]
    plain = {key: value for key, value in options.items() if key == "progressive"}
    data = jpeg(pixels, exif=turned(1), **options) + b"behind the end \xff\xd9"
    found = fit_file(data, 40, 30, channels, SQUASH).encoded(Encoding.JPG, 90)
    assert found == jpeg(pixels, **plain)  # Pillow's own file without metadata


@pytest.mark.parametrize(
    ("made", "size", "channels"),
    [
        (lambda: jpeg(scene(40, 30)), (40, 31), 3),
        (lambda: jpeg(scene(40, 30)), (40, 30), 1),
        (lambda: jpeg(scene(40, 30)[..., 0]), (40, 30), 3),
        (lambda: jpeg(scene(30, 40), exif=turned(6)), (40, 30), 3),
        (lambda: jpeg(scene(40, 30), exif=turned(3)), (40, 30), 3),
    ],
)
def test_others_are_made_again(made, size, channels):
    data = made()
    found = fit_file(data, *size, channels, SQUASH)
    again = np.asarray(Image.open(io.BytesIO(found.encoded(Encoding.JPG, 90))))
    assert found.same is None and (again.shape[1], again.shape[0]) == size
    assert np.abs(again.reshape(found.pixels.shape).astype(int) - found.pixels).mean() < 5


def test_what_cannot_be_walked_is_left_alone():
    for data in (b"\xff\xd8\xff", b"\xff\xd8nothing", jpeg(scene(8, 8))[:-40]):
        assert bare_jpeg(data) == data
