"""Pictures of every kind, good and bad, with what must come of each.

Expectations come from how the picture was made (closed form) or from Pillow as the other reader, never
from Gradus. `python tests/data/corpus.py FOLDER` writes the files, to look at them with other programs.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

Pixels = np.ndarray[Any, Any]
W, H = 23, 17


def base() -> Pixels:
    """A smooth colour picture without symmetry."""
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([x * 11, y * 15, (x + y) * 6], axis=-1).astype(np.uint8)


def gray() -> Pixels:
    y, x = np.mgrid[0:H, 0:W]
    return (x * 9 + y * 3).astype(np.uint8)


def deep() -> Pixels:
    """16-bit values over the whole range."""
    return np.linspace(0, 65535, W * H).reshape(H, W).astype(np.uint16)


@dataclass(frozen=True)
class Case:
    """`expected` holds the exact pixels (within `tolerance`), or is a part of the reason for refusing."""

    name: str
    make: Callable[[], bytes]
    expected: Pixels | str
    tolerance: int = 0


def saved(pixels: Pixels | Image.Image, kind: str, mode: str | None = None, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if mode:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunks(*parts: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, content in parts:
        out += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return out


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: `rows` with their filter bytes."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return chunks((b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def white(colour: Pixels, alpha: Pixels) -> Pixels:
    """Alpha compositing over white in real numbers."""
    share = alpha.astype(float)[..., None] / 255
    mixed = colour.reshape(*alpha.shape, -1) * share + 255 * (1 - share)
    return np.rint(mixed).astype(np.uint8).squeeze()


def alpha() -> Pixels:
    return np.linspace(0, 255, W * H).reshape(H, W).astype(np.uint8)


def exif_jpeg(turned: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turned
    return saved(blocks(), "JPEG", quality=95, subsampling=0, exif=exif.tobytes())


def blocks() -> Pixels:
    """Four large quarters of different colour, each uniform so that JPEG keeps them: 32 wide, 16 high."""
    out = np.zeros((16, 32, 3), np.uint8)
    out[:8, :16], out[:8, 16:], out[8:, :16] = (200, 30, 30), (30, 200, 30), (30, 30, 200)
    return out


def seen(turned: int) -> Pixels:
    """What a viewer shows for `blocks` stored under that orientation (TIFF 6.0: where row 0 and column 0 are)."""
    stored = blocks()
    return {
        1: stored,
        2: np.fliplr(stored),
        3: np.rot90(stored, 2),
        4: np.flipud(stored),
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).transpose(1, 0, 2),
        8: np.rot90(stored, 1),
    }[turned]


def cmyk() -> Pixels:
    y, x = np.mgrid[0:16, 0:16]
    return np.stack([x * 8, y * 8, (x + y) * 4, np.full_like(x, 40)], axis=-1).astype(np.uint8)


def cmyk_rgb() -> Pixels:
    values = cmyk().astype(float)
    return np.rint((255 - values[..., :3]) * (255 - values[..., 3:]) / 255).astype(np.uint8)


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    buffer = io.BytesIO()
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def red(width: int = 8, height: int = 6) -> Pixels:
    return np.full((height, width, 3), (255, 0, 0), np.uint8)


def palette(transparent: bool) -> bytes:
    rows = b"".join(b"\0" + bytes((0, 1, 2, 1)) for _ in range(3))
    colours = (b"PLTE", bytes((10, 20, 30, 200, 100, 0, 0, 0, 255)))
    extra = [colours, (b"tRNS", bytes((255, 0, 128)))] if transparent else [colours]
    return png(4, 3, 8, 3, rows, *extra)


def palette_pixels(transparent: bool) -> Pixels:
    third = (127, 127, 255) if transparent else (0, 0, 255)
    second = (255, 255, 255) if transparent else (200, 100, 0)
    return np.array([[(10, 20, 30), second, third, second]] * 3, np.uint8)


def one_bit_png() -> bytes:
    return png(8, 2, 1, 0, b"\0\xa5\0\x0f")


def one_bit() -> Pixels:
    return np.array([[255, 0, 255, 0, 0, 255, 0, 255], [0, 0, 0, 0, 255, 255, 255, 255]], np.uint8)


def deep_rgb() -> Pixels:
    return np.stack([deep(), deep()[::-1], deep()[:, ::-1]], axis=-1)


def through_opencv(pixels: Pixels, extension: str) -> bytes:
    ok, data = cv2.imencode(extension, pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    assert ok
    return data.tobytes()


def by_257(values: Pixels) -> Pixels:
    return np.rint(values / 257.0).astype(np.uint8)


def lab() -> tuple[bytes, Pixels]:
    """A Lab TIFF made by LittleCMS from an RGB picture in the middle of the gamut; reading gives the RGB back."""
    rgb = Image.fromarray((base() // 2 + 60).astype(np.uint8))
    change = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return saved(ImageCms.applyTransform(rgb, change), "TIFF"), np.asarray(rgb)


def integers(high: int) -> bytes:
    return saved(Image.fromarray((deep().astype(np.int64) * high // 65535).astype(np.int32)), "TIFF")


def floats(low: float, high: float) -> bytes:
    return saved(Image.fromarray(np.linspace(low, high, 20, dtype=np.float32).reshape(4, 5)), "TIFF")


def bomb(width: int, height: int) -> bytes:
    return png(width, height, 8, 0, b"\0" * 1000)


def scans() -> bytes:
    """A progressive JPEG whose last scan is repeated a thousand times."""
    data = saved(base(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 1000 + b"\xff\xd9"


def with_bad_crc() -> bytes:
    data = bytearray(saved(base(), "PNG"))
    data[data.index(b"IDAT") + 20] ^= 1
    return bytes(data)


def short_stream() -> bytes:
    """A PNG with every checksum right and half of its rows missing: Pillow fills up with black."""
    rows = b"".join(b"\0" + row.tobytes() for row in base()[: H // 2])
    return png(W, H, 8, 2, rows)


def jpeg(**options: Any) -> bytes:
    return saved(blocks(), "JPEG", quality=95, **options)


def as_pillow_reads(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)))


GOOD = [
    Case("png-rgb", lambda: saved(base(), "PNG"), base()),
    Case("png-gray", lambda: saved(gray(), "PNG"), gray()),
    Case("png-1-bit", one_bit_png, one_bit()),
    Case("png-palette", lambda: palette(False), palette_pixels(False)),
    Case("png-palette-transparent", lambda: palette(True), palette_pixels(True), 1),
    Case("png-rgba", lambda: saved(np.dstack([base(), alpha()]), "PNG"), white(base(), alpha()), 1),
    Case(
        "png-gray-alpha",
        lambda: saved(np.dstack([gray(), alpha()]), "PNG"),
        np.repeat(white(gray(), alpha())[..., None], 3, 2),
        1,
    ),
    Case("png-16-bit-gray", lambda: through_opencv(deep(), ".png"), by_257(deep())),
    Case("png-16-bit-rgb", lambda: through_opencv(deep_rgb(), ".png"), by_257(deep_rgb())),
    Case(
        "png-transparent-colour",
        lambda: png(2, 1, 8, 2, b"\0" + bytes((1, 2, 3, 9, 8, 7)), (b"tRNS", struct.pack(">HHH", 1, 2, 3))),
        np.array([[(255, 255, 255), (9, 8, 7)]], np.uint8),
    ),
    Case("png-text-and-profile", lambda: saved(base(), "PNG", icc_profile=b"not a profile"), base()),
    Case("png-1x1", lambda: saved(red(1, 1), "PNG"), red(1, 1)),
    Case("png-garbage-at-the-end", lambda: saved(base(), "PNG") + b"garbage" * 50, base()),
    Case("apng", lambda: animation("PNG"), red()),
    Case("jpeg-rgb", jpeg, as_pillow_reads(jpeg()), 3),
    Case("jpeg-gray", lambda: saved(gray(), "JPEG"), as_pillow_reads(saved(gray(), "JPEG")), 2),
    Case("jpeg-progressive", lambda: jpeg(progressive=True), as_pillow_reads(jpeg(progressive=True)), 3),
    Case("jpeg-garbage-at-the-end", lambda: jpeg() + b"\0" * 100, as_pillow_reads(jpeg()), 3),
    Case("jpeg-cmyk", lambda: saved(Image.fromarray(cmyk(), "CMYK"), "JPEG", quality=100), cmyk_rgb(), 8),
    *(Case(f"jpeg-exif-{n}", lambda n=n: exif_jpeg(n), seen(n), 8) for n in range(1, 9)),
    Case("bmp", lambda: saved(base(), "BMP"), base()),
    Case(
        "bmp-palette",
        lambda: saved(Image.fromarray(base()).quantize(16), "BMP"),
        np.asarray(Image.fromarray(base()).quantize(16).convert("RGB")),
    ),
    Case("ppm", lambda: saved(base(), "PPM"), base()),
    Case("pgm", lambda: saved(gray(), "PPM"), gray()),
    Case("pgm-16-bit", lambda: through_opencv(deep(), ".pgm"), by_257(deep())),
    Case("pgm-text", lambda: b"P2\n3 1\n255\n0 128 255\n", np.array([[0, 128, 255]], np.uint8)),
    Case("tiff-rgb", lambda: saved(base(), "TIFF"), base()),
    Case("tiff-lzw", lambda: saved(base(), "TIFF", compression="tiff_lzw"), base()),
    Case("tiff-16-bit", lambda: through_opencv(deep(), ".tiff"), by_257(deep())),
    Case("tiff-16-bit-rgb", lambda: through_opencv(deep_rgb(), ".tiff"), by_257(deep_rgb())),
    Case("tiff-cmyk", lambda: saved(Image.fromarray(cmyk(), "CMYK"), "TIFF"), cmyk_rgb(), 1),
    Case("tiff-lab", lambda: lab()[0], lab()[1], 8),
    Case("tiff-32-bit", lambda: integers(65535), by_257(deep())),
    Case("tiff-float-1", lambda: floats(0, 1), np.rint(np.linspace(0, 255, 20)).reshape(4, 5).astype(np.uint8), 1),
    Case("tiff-float-255", lambda: floats(0, 255), np.rint(np.linspace(0, 255, 20)).reshape(4, 5).astype(np.uint8), 1),
    Case("tiff-pages", lambda: animation("TIFF"), red()),
    Case("webp-lossless", lambda: saved(base(), "WEBP", lossless=True), base()),
    Case("webp-animated", lambda: animation("WEBP"), red(), 2),
    Case(
        "webp-alpha",
        lambda: saved(np.dstack([base(), alpha()]), "WEBP", lossless=True, exact=True),
        white(base(), alpha()),
        1,
    ),
]

BAD = [
    Case("empty", lambda: b"", "empty"),
    Case("text", lambda: b"hello, world\n" * 20, "text"),
    Case("html", lambda: b"<!DOCTYPE html><html><body>404", "HTML"),
    Case("svg", lambda: b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    Case("eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "format not allowed: PostScript"),
    Case("eps-binary", lambda: b"\xc5\xd0\xd3\xc6" + b"\0" * 40, "format not allowed: EPS"),
    Case("pdf", lambda: b"%PDF-1.7\n", "format not allowed: PDF"),
    Case("psd", lambda: b"8BPS\0\1" + b"\0" * 40, "format not allowed: PSD"),
    Case("fits", lambda: b"SIMPLE  =                    T", "format not allowed: FITS"),
    Case("gif", lambda: saved(base(), "GIF"), "format not allowed: GIF"),
    Case("ico", lambda: saved(Image.new("RGB", (16, 16)), "ICO"), "format not allowed: ICO"),
    Case("avif", lambda: saved(base(), "AVIF"), "format not allowed: HEIF, AVIF"),
    Case("jpeg-2000", lambda: saved(base(), "JPEG2000"), "format not allowed: JPEG 2000"),
    Case("zeros", lambda: b"\0" * 100, "not a picture"),
    Case("png-signature-only", lambda: b"\x89PNG\r\n\x1a\n", "cut off"),
    Case("png-bad-checksum", with_bad_crc, "damaged"),
    Case("png-rows-missing", short_stream, "damaged"),
    Case("png-0x0", lambda: png(0, 0, 8, 0, b""), "0 x 0"),
    Case("png-65535x65535", lambda: bomb(65535, 65535), "megapixels"),
    Case("png-12000x12000", lambda: bomb(12000, 12000), "megapixels"),
    Case("tiff-30000x30000", lambda: saved(gray(), "TIFF").replace(struct.pack("<H", W), b"\x30\x75"), "damaged"),
    Case("jpeg-signature-only", lambda: b"\xff\xd8\xff\xe0", "cut off"),
    Case("jpeg-many-scans", scans, "scans"),
    Case("tiff-32-bit-large", lambda: integers(2**30), "white"),
    Case("tiff-negative-floats", lambda: floats(-1, 1), "white"),
    Case("tiff-large-floats", lambda: floats(0, 4000), "white"),
    Case("tiff-nan", lambda: floats(0, float("nan")), "white"),
    Case("bmp-cut", lambda: saved(base(), "BMP")[:500], "damaged"),
    Case("webp-cut", lambda: saved(base(), "WEBP")[:60], "damaged"),
    Case("ppm-cut", lambda: saved(base(), "PPM")[:300], "damaged"),
    Case("ppm-huge", lambda: b"P6\n100000 100000\n255\n" + b"\0" * 50, "megapixels"),
]


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for case in (*GOOD, *BAD):
        (folder / case.name).write_bytes(case.make())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
