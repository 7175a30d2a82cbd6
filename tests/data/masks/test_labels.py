"""Label pictures as Pillow, OpenCV or a hand-made file has them: indices, not colours; values, not stretched."""

import io
import runpy
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradus.core.errors import ImageError
from gradus.data.masks.labels import read_label

NUMBERS = np.array([[0, 1, 2, 255], [3, 3, 1, 0]], np.uint8)
COLOURS = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def palette_image(numbers=NUMBERS, colours=COLOURS):
    image = Image.fromarray(numbers).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([value for colour in colours for value in colour] + [7] * 3 * (256 - len(colours)))
    return image


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_a_palette_picture_gives_indices_and_colours(kind):
    data = saved(palette_image(), kind)
    found = read_label(data)
    assert found.values.tolist() == NUMBERS.tolist()
    assert list(found.palette[:4]) == COLOURS and found.palette[255] == (7, 7, 7)
    assert found.values.tolist() == np.asarray(Image.open(io.BytesIO(data))).tolist()
    assert not found.coloured and found.size == (4, 2) and not found.lossy


def test_a_short_palette():
    image = palette_image(np.array([[0, 1, 1]], np.uint8))
    image.putpalette([1, 2, 3, 4, 5, 6])
    assert read_label(saved(image)).palette[:2] == ((1, 2, 3), (4, 5, 6))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
def test_gray_values_are_numbers(kind):
    found = read_label(saved(Image.fromarray(NUMBERS), kind))
    assert found.values.dtype == np.uint8 and found.values.tolist() == NUMBERS.tolist()


def gray_png(rows, bits):
    """A gray PNG of few bits, which Pillow cannot write."""
    width = len(rows[0])
    packed = b"".join(
        b"\0" + int("".join(f"{value:0{bits}b}" for value in row).ljust(-(-width * bits // 8) * 8, "0"), 2).to_bytes(
            -(-width * bits // 8), "big"
        )
        for row in rows
    )  # fmt: skip

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, len(rows), bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(packed)), chunk(b"IEND", b""))
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@given(data=st.data())
def test_gray_of_few_bits_is_not_stretched(bits, data):
    width = data.draw(st.integers(1, 9))
    rows = data.draw(st.lists(st.lists(st.integers(0, 2**bits - 1), min_size=width, max_size=width), min_size=1))
    assert read_label(gray_png(rows, bits)).values.tolist() == rows


def test_four_bits_of_a_tiff():
    pixels = Image.fromarray(np.array([[0, 1, 2, 15]], np.uint8))
    data = saved(pixels, "TIFF")
    entry = data.index(struct.pack("<HHI", 258, 3, 1))  # bits per sample
    offset = data.index(struct.pack("<HHI", 273, 4, 1)) + 8
    (at,) = struct.unpack_from("<I", data, offset)
    data = bytearray(data)
    struct.pack_into("<H", data, entry + 8, 4)
    data[at : at + 2] = b"\x01\x2f"
    assert read_label(bytes(data)).values.tolist() == [[0, 1, 2, 15]]


def test_one_bit():
    bits = np.array([[True, False, True]])
    for kind in ("PNG", "TIFF", "BMP"):
        assert read_label(saved(Image.fromarray(bits), kind)).values.tolist() == [[1, 0, 1]]


def test_sixteen_bits():
    deep = np.array([[0, 1, 300, 65535]], np.uint16)
    _, png = cv2.imencode(".png", deep)
    found = read_label(png.tobytes())
    assert found.values.dtype == np.uint16 and found.values.tolist() == deep.tolist()
    assert read_label(saved(Image.fromarray(deep), "TIFF")).values.tolist() == deep.tolist()
    assert read_label(saved(Image.fromarray(deep.astype(np.int32)), "TIFF")).values.tolist() == deep.tolist()


def test_colours():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 4, 3), np.uint8)
    found = read_label(saved(Image.fromarray(pixels)))
    assert found.coloured and (found.values == pixels).all() and found.size == (4, 5)


def test_opaque_alpha_is_dropped_and_other_alpha_refused():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 4, 4), np.uint8)
    pixels[..., 3] = 255
    assert (read_label(saved(Image.fromarray(pixels))).values == pixels[..., :3]).all()
    gray = np.ascontiguousarray(pixels[..., [0, 3]])
    assert (read_label(saved(Image.merge("LA", [
        Image.fromarray(np.ascontiguousarray(gray[..., i])) for i in (0, 1)
    ]))).values == gray[..., 0]).all()  # fmt: skip
    pixels[2, 2, 3] = 254
    with pytest.raises(ImageError, match="transparent"):
        read_label(saved(Image.fromarray(pixels)))


def test_jpeg_is_marked():
    assert read_label(saved(Image.fromarray(NUMBERS), "JPEG")).lossy


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "text"),
        (saved(palette_image())[:-20], "cut off"),
        (saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), "kind that labels cannot have"),
        (saved(Image.fromarray(np.full((4, 4), 70000, np.int32)), "TIFF"), "kind that labels cannot have"),
        (saved(Image.new("CMYK", (4, 4)), "TIFF"),
         "CMYK"),
    ],
)  # fmt: skip
def test_what_is_no_label(data, reason):
    with pytest.raises(ImageError, match=reason):
        read_label(data)


def test_a_damaged_picture_is_never_half_a_label():
    data = bytearray(saved(palette_image(np.random.default_rng(2).integers(0, 4, (64, 64), np.uint8))))
    start = data.index(b"IDAT") + 8
    data[start + 200] ^= 0xFF
    with pytest.raises(ImageError):
        read_label(bytes(data))


def test_odd_pictures_are_labels_or_refused(tmp_path_factory):
    """Of the corpus: what no picture can be is no label either; what is one has numbers, colours or a reason."""
    corpus = runpy.run_path(str(Path(__file__).parent.parent / "corpus"))
    folder = tmp_path_factory.mktemp("corpus")
    corpus["write"](folder)
    refused = []
    for path in sorted((folder / "accepted").iterdir()):
        try:
            found = read_label(path.read_bytes())
        except ImageError:
            refused.append(path.stem)
            continue
        assert found.values.dtype in (np.uint8, np.uint16) and found.values.ndim in (2, 3)
    told = ("alpha", "rgba", "lab", "cmyk", "float", "pfm", "text", "apng")
    assert "tiff-lab" in refused and all(any(word in name for word in told) for name in refused)
    for path in sorted((folder / "refused").iterdir()):
        if path.is_file():
            with pytest.raises(ImageError):
                read_label(path.read_bytes())
