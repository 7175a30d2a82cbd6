"""How odd pictures are made: by hand from their format's description, or with Pillow and OpenCV."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
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
    frames: int = 1  # pictures in the file


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


def animation(kind: str, **more: Any) -> bytes:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    buffer = io.BytesIO()
    options: dict[str, Any] = {"lossless": True, **more} if kind == "WEBP" else more
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
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    ok, data = cv2.imencode(extension, pixels)
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


def adam7(values: Pixels) -> bytes:
    """An interlaced 8-bit gray PNG (PNG-3, 8.1: where each pass starts, and its steps)."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = [values[top::down, left::across] for top, left, down, across in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 0, 0, 0, 1)
    return chunks((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def ycck() -> tuple[bytes, Pixels]:
    """Adobe's YCCK: the inverted inks as YCbCr beside K. Made by marking plain components as such.

    With R, G, B that YCbCr stands for, libjpeg gives inks 255 - R, which Adobe stores inverted: the ink is R.
    """
    rgb = np.kron(np.array([[(200, 120, 60), (40, 90, 160)]]), np.ones((16, 16, 1)))
    black = np.kron(np.array([[230, 140]]), np.ones((16, 16)))  # as stored: inverted
    red, green, blue = np.moveaxis(rgb, 2, 0)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    stored = np.stack([y, 128 + (blue - y) / 1.772, 128 + (red - y) / 1.402, black], axis=-1)
    inverted = 255 - np.rint(stored).astype(np.uint8)  # Pillow inverts once more
    data = saved(Image.fromarray(inverted, "CMYK"), "JPEG", quality=100, subsampling=0)
    at = data.index(b"Adobe") + 11
    return data[:at] + b"\2" + data[at + 1 :], np.rint((255 - rgb) * black[..., None] / 255).astype(np.uint8)


def cmyk_unmarked() -> bytes:
    """Without Adobe's marker. Inks are taken as inverted all the same, as Pillow and so DIGITS do."""
    data = saved(Image.fromarray(cmyk(), "CMYK"), "JPEG", quality=100)
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :]


def tiff(order: str, tags: dict[int, tuple[int, int]], data: bytes) -> bytes:
    """A TIFF with one directory of single values {tag: (type, value)}; `data` is at byte 512."""
    out = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(tags))
    for tag, (kind, value) in sorted(tags.items()):
        field = struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", value)
        out += struct.pack(f"{order}HHI", tag, kind, 1) + field
    return (out + bytes(4)).ljust(512, b"\0") + data


def gray_tiff(order: str = "<", interpretation: int = 1, turned: int = 1) -> bytes:
    """Uncompressed `gray`; interpretation 0 stores white as 0."""
    values = gray() if interpretation else 255 - gray()
    tags = {256: (3, W), 257: (3, H), 258: (3, 8), 259: (3, 1), 262: (3, interpretation), 273: (4, 512)}
    return tiff(order, tags | {274: (3, turned), 278: (3, H), 279: (4, W * H)}, values.tobytes())


def tile_lie(side: int) -> bytes:
    """A TIFF of 64 x 64 whose one tile is said to be far larger, and holds zeros that inflate to 1 MB."""
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 322: side, 323: side, 324: 512, 325: 1_500_000}
    return tiff("<", {tag: (4, value) for tag, value in tags.items()}, zlib.compress(bytes(1 << 20)))


def pages(count: int, *, back: bool = False) -> bytes:
    """A TIFF of so many pages of one pixel each; after the last comes the first again with `back`."""
    out = bytearray(b"II*\0" + struct.pack("<I", 8))
    for page in range(count):
        following = (8 if back else 0) if page == count - 1 else len(out) + 2 + 12 * 8 + 4
        out += struct.pack("<H", 8)
        for tag, value in ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 4), (278, 1), (279, 1)):
            out += struct.pack("<HHII", tag, 3, 1, value)
        out += struct.pack("<I", following)
    return bytes(out)


def top_down_bmp() -> bytes:
    """A BMP of 4 x 2 whose height is negative: its first row is the upper one."""
    head = struct.pack("<IiiHHIIiiII", 40, 4, -2, 1, 24, 0, 24, 0, 0, 0, 0)
    rows = bytes(v for row in top_down_rows() for pixel in row for v in pixel[::-1])
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + head + rows


def top_down_rows() -> list[list[list[int]]]:
    return [[[10 * x + y, 100 * y, 200 - x] for x in range(4)] for y in range(2)]


def enlarged_jpeg(width: int, height: int, scans: int) -> bytes:
    """A small progressive JPEG that says that it is large, with its last scan repeated."""
    data = bytearray(saved(base(), "JPEG", progressive=True))
    at = data.index(b"\xff\xc2") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    last = data.rindex(b"\xff\xda")
    return bytes(data[:last] + data[last:-2] * scans + b"\xff\xd9")


def tagged(kind: str, turned: int) -> bytes:
    """`base` losslessly, with EXIF's orientation tag."""
    exif = Image.Exif()
    exif[0x0112] = turned
    return saved(base(), kind, exif=exif.tobytes(), **({"lossless": True} if kind == "WEBP" else {}))


def metadata_jpeg() -> bytes:
    """A JPEG that carries a place, a script in XMP, one in a comment and one as its colour profile."""
    exif = Image.Exif()
    exif[0x010E] = "<script>alert('exif')</script>"
    exif.get_ifd(0x8825)[1] = "GPS-N-48.8566"
    xmp = b"<x:xmpmeta><script>alert('xmp')</script></x:xmpmeta>"
    return saved(
        blocks(), "JPEG", quality=95, subsampling=0, exif=exif.tobytes(), xmp=xmp, comment=b"<script>comment</script>",
        icc_profile=b"<script>profile</script>" + bytes(128),
    )  # fmt: skip


SECRETS = (b"script", b"GPS-N", b"xmpmeta", b"Exif", b"ICC_PROFILE")  # of `metadata_jpeg`


def white_deep(colour: Pixels, alpha: Pixels) -> Pixels:
    """16-bit colours over white, brought to 8 bits at the end."""
    share = alpha.astype(float)[..., None] / 65535
    return np.rint((colour * share + 65535 * (1 - share)) / 257).astype(np.uint8)


def random_bytes(count: int) -> bytes:
    return np.random.default_rng(3).bytes(count)


def cut(data: bytes, tenth: int) -> bytes:
    """The beginning of a file; ten points from 1 to 95 %."""
    return data[: max(1, len(data) * (1 + 94 * tenth // 9) // 100)]
