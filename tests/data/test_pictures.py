"""Pictures of every kind against the corpus, whose expectations come from elsewhere."""

import io
import os
import runpy
import struct
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradus.core.errors import ImageError
from gradus.data.headers import MAX_PAGES, tiff_pages
from gradus.data.pictures import decode, read_file, read_picture

CORPUS = runpy.run_path(str(Path(__file__).with_name("corpus")))
GOOD = {case.name: case for case in CORPUS["GOOD"]}
BAD = {case.name: case for case in CORPUS["BAD"]}


@pytest.mark.parametrize("name", GOOD)
def test_good_pictures_have_the_expected_pixels(name):
    case = GOOD[name]
    pixels = read_picture(case.make())
    assert pixels.dtype == np.uint8
    assert pixels.shape == case.expected.shape
    assert np.abs(pixels.astype(int) - case.expected.astype(int)).max() <= case.tolerance


@pytest.mark.parametrize("name", GOOD)
def test_f27_a_picture_knows_how_many_its_file_has(name):
    assert decode(GOOD[name].make()).frames == GOOD[name].frames


def test_f27_pages_are_counted_up_to_a_bound():
    """Where the chain breaks, and where the file says more than anybody reads."""
    data = CORPUS["pages"](5)
    each = 2 + 8 * 12 + 4
    assert decode(data[: 8 + 2 * each]).frames == 2
    assert tiff_pages(CORPUS["pages"](MAX_PAGES + 10)) == MAX_PAGES


@given(st.sampled_from((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")), st.binary(max_size=200))
def test_f27_any_chain_of_pages_ends(start, rest):
    assert 1 <= tiff_pages(start + rest) <= len(rest) + 1


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_are_refused_with_a_reason(name):
    case = BAD[name]
    with pytest.raises(ImageError) as caught:
        read_picture(case.make())
    assert case.expected in str(caught.value)
    assert "0x7f" not in str(caught.value)


@pytest.mark.parametrize("name", ["jpeg-rgb", "jpeg-progressive", "png-rgb", "webp-lossless", "tiff-lzw", "bmp"])
def test_a_picture_cut_anywhere_is_refused_never_filled_up(name):
    data = GOOD[name].make()
    for tenth in range(1, 10):
        with pytest.raises(ImageError):
            read_picture(data[: len(data) * tenth // 10])


def test_the_error_of_a_file_names_it(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"")
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert caught.value.problem.file == str(path)


def test_names_are_not_believed(tmp_path):
    path = tmp_path / "really.jpg"
    path.write_bytes(GOOD["png-rgb"].make())
    assert read_picture(path).shape == GOOD["png-rgb"].expected.shape


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    for odd in (tmp_path / "pipe", tmp_path, tmp_path / "link", tmp_path / "gone", "/dev/zero"):
        with pytest.raises(ImageError):
            read_file(odd)


def test_plain_marks_only_files_that_all_decoders_see_alike():
    plain = {name for name in GOOD if decode(GOOD[name].make()).plain}
    assert plain == {
        "png-rgb", "png-gray", "png-1x1", "png-1x20000", "png-20000x1", "png-1x65535", "png-interlaced", "jpeg-rgb",
        "jpeg-gray", "jpeg-progressive", "jpeg-exif-1", "jpeg-exif-damaged", "jpeg-garbage-at-the-end", "jpeg-1x1",
        "jpeg-with-html-behind", "jpeg-with-metadata",
    }  # fmt: skip


def test_pillows_warnings_stay_inside_and_the_filters_come_back():
    before = list(warnings.filters)
    noisy = io.BytesIO()
    Image.new("P", (4, 4)).save(noisy, "TIFF")
    pictures = [GOOD["bmp"].make(), noisy.getvalue(), GOOD["tiff-pages"].make()] * 20
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("always")
        list(pool.map(read_picture, pictures))
    assert caught == []
    assert list(warnings.filters) == before


def test_a_second_scan_of_everything_is_refused_at_once():
    data = GOOD["jpeg-rgb"].make()
    start = data.index(b"\xff\xda")
    with pytest.raises(ImageError, match="scan"):
        decode(data[:-2] + data[start:-2] * 1000 + data[-2:])


SMALL = {name: case.make() for name, case in GOOD.items() if len(case.make()) < 4000}
CHANGES = st.lists(st.tuples(st.integers(0, 3999), st.integers(0, 255)), min_size=1, max_size=4)


@given(st.sampled_from(sorted(SMALL)), CHANGES, st.integers(0, 4000))
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(name, changes, end):
    data = bytearray(SMALL[name])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        pixels = read_picture(bytes(data[: max(end, len(data) // 2)]))
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 2 or pixels.shape[2] == 3


TOO_LARGE = (
    "megapixels",
    "on a side",
    "scans",
    "more data than pixels",
    "do not say its size",
    "4 MiB",
    "tiles are larger than the picture",
)


@pytest.mark.parametrize("error", [TypeError, AttributeError, OverflowError, MemoryError, RuntimeError, struct.error])
def test_whatever_a_parser_trips_over_is_told_of_the_file(monkeypatch, error):
    """Pillow's own were found by changing bytes at random: a build must not end for one file."""

    def trip(_image):
        raise error("tripped")

    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.load", trip)
    with pytest.raises(ImageError, match="the TIFF is damaged or of an unknown kind: tripped"):
        read_picture(GOOD["tiff-rgb"].make())


@pytest.mark.parametrize("name", [name for name, case in BAD.items() if case.expected.endswith(TOO_LARGE)])
def test_a30_what_is_too_large_is_refused_before_it_is_decoded(name, monkeypatch):
    """Not even the first pixel: the decoders are never asked."""
    data = BAD[name].make()

    def never(*_arguments, **_more):
        raise AssertionError("decoded")

    monkeypatch.setattr("cv2.imdecode", never)
    monkeypatch.setattr("simplejpeg.decode_jpeg", never)
    monkeypatch.setattr(Image.Image, "load", never)
    with pytest.raises(ImageError):
        read_picture(data)


CHILD = """
import re, struct, sys, zlib
from gradus.core.errors import ImageError
from gradus.core.dataset import ResizeMode
from gradus.data.fitting import fit_file
from gradus.data.pictures import decode
def peak():
    return int(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1]) * 1024
before = peak()
if len(sys.argv) == 2:
    decode(open(sys.argv[1], "rb").read())
else:
    fit_file(open(sys.argv[1], "rb").read(), 256, 256, int(sys.argv[2]), ResizeMode.SQUASH)
sys.stdout.write(str(peak() - before))
"""


@pytest.mark.parametrize(("bits", "colour", "bytes_each"), [(8, 6, 12), (16, 6, 20), (8, 4, 12), (16, 0, 8)])
def test_a30_a_large_picture_takes_little_more_than_its_pixels(tmp_path, bits, colour, bytes_each):
    """16 megapixels of one colour, 65 kB as a file. It was 53 bytes a pixel once."""
    side, samples = 4096, {0: 1, 4: 2, 6: 4}[colour]
    rows = bytes((side * samples * bits // 8 + 1) * side)
    (tmp_path / "large.png").write_bytes(CORPUS["png"](side, side, bits, colour, rows))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "large.png")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < bytes_each * side * side


@pytest.mark.parametrize("channels", [1, 3])
def test_a30_to_bring_it_to_size_takes_no_more_than_to_decode_it(tmp_path, channels):
    """Nine bytes a pixel once, because the filter's library copies; decoding takes six."""
    side = 4096
    (tmp_path / "large.png").write_bytes(CORPUS["png"](side, side, 8, 2, bytes((side * 3 + 1) * side)))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "large.png"), str(channels)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 8 * side * side
