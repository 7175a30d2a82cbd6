"""What the headers of PNG, JPEG, TIFF and PPM files say, read without decoding them."""

from __future__ import annotations

import re
import struct
from typing import Literal, NamedTuple

from gradus.core.errors import ImageError

PNG_PLAIN = frozenset((b"IHDR", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"sBIT"))
_CHUNK = struct.Struct(">I4s")
_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))
MAX_SCANS = 500  # of a progressive JPEG; each scan costs a pass over all pixels
MAX_PASSES = 2**31  # pixels times scans: about two seconds
MAX_PAGES = 100_000  # of a TIFF that are counted
PPM_HEAD = 4096  # bytes in which a PPM must say what it is, comments included
PPM_TEXT = 4 * 2**20  # bytes of a PPM in decimal figures: a second
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each pixel, by a PNG's colour type
_STEPS = {1: 255, 2: 85, 4: 17}  # between two levels of gray, brought to 8 bits
_PPM = re.compile(rb"P[1-6fF](?:\s|#[^\n]*\n)+[0-9]+(?:\s|#[^\n]*\n)+[0-9]+\s")
_COMMON = frozenset((0xC0, 0xC1, 0xC2))  # Huffman coded, in one pass or progressive: the rest few can read
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length


class Header(NamedTuple):
    """`plain` is true where any decoder takes the file for the same 8-bit pixels, but for `exif`'s orientation.

    A plain PNG has nothing else in it: no alpha, palette or text. A JPEG may have metadata (`bare_jpeg`).
    """

    width: int
    height: int
    channels: int
    bits: int
    plain: bool
    exif: bytes = b""
    progressive: bool = False
    clear: int | None = None  # the level of a gray PNG that is transparent, of 255 or 65535
    alpha: bool = False  # of a PNG, in any form
    frames: int = 0  # pictures of an animated PNG


def png_header(data: bytes) -> Header:
    """Walk the chunks of a PNG."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise ImageError("the file is cut off or damaged: it has no PNG header")
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    at, end, plain, exif = 8, len(data), colour in (0, 2) and bits == 8, b""
    clear: int | None = None
    alpha, animated, frames, apart = colour in (4, 6), False, 0, False
    left = _most_data(width, height, bits * _SAMPLES.get(colour, 0))
    while True:
        if at + 12 > end:
            raise ImageError("the file is cut off")
        size, kind = _CHUNK.unpack_from(data, at)
        if at + 12 + size > end:
            raise ImageError("the file is cut off")
        if kind not in PNG_PLAIN:
            plain = False
            if kind == b"eXIf":
                exif = data[at + 8 : at + 8 + size]
            elif kind == b"tRNS":
                alpha = True
                if colour == 0 and size == 2:
                    clear = int.from_bytes(data[at + 8 : at + 10], "big") * _STEPS.get(bits, 1)
            elif kind == b"acTL":
                animated = True
            elif kind == b"fcTL":
                frames += 1
        elif kind == b"IDAT":
            apart = apart or not frames  # the picture for who knows no animations is none of its frames
            if (left := left - size) < 0:
                raise ImageError("the PNG is damaged: it holds more data than pixels")
        at += 12 + size
        if kind == b"IEND":
            break
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 0)
    frames = frames + apart if animated else 0
    return Header(width, height, channels, bits, plain and at == end, exif, clear=clear, alpha=alpha, frames=frames)


def without_animation(data: bytes) -> bytes:
    """The PNG that programs see which know no animations: its decoder would give the first frame of these instead."""
    at, parts = 8, [data[:8]]
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _ANIMATION:
            parts.append(data[at:end])
        at = end
    return b"".join(parts)


def _most_data(width: int, height: int, bits: int) -> int:
    """How many bytes a PNG's pixels can take with the worst compression; decoders inflate all that is there."""
    rows = height * (1 + (width * bits + 7) // 8)
    return rows + rows // 8 + (1 << 16)


def jpeg_header(data: bytes) -> Header:
    """Walk the segments of a JPEG up to its first scan.

    A first scan with every component, unless it is progressive, must be the only one: decoders refuse a second.
    """
    at, end, plain, exif = 2, len(data), False, b""
    progressive = alone = False
    frame: tuple[int, int, int, int] | None = None
    while at + 4 <= end:
        if data[at] != 0xFF:
            raise ImageError("the JPEG is damaged: a marker is missing")
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0xD9, 0xDA):
            alone = frame is not None and not progressive and data[at + 4 : at + 5] == bytes((frame[2],))
            break
        if marker in _FRAMES and size >= 8:
            bits, height, width, channels = struct.unpack_from(">BHHB", data[at + 4 : at + 12].ljust(6, b"\0"))
            frame = width, height, channels, bits
            plain, progressive = marker in _COMMON, marker % 4 == 2
        elif marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            exif = data[at + 10 : at + 2 + size]
        at += 2 + max(size, 2)
    if frame is None:
        raise ImageError("the file is cut off or damaged: it has no JPEG frame")
    width, height, channels, bits = frame
    if not alone and (scans := data.count(b"\xff\xda")) > min(MAX_SCANS, MAX_PASSES // max(1, width * height)):
        raise ImageError(f"{scans:,} scans: it would take too long to decode")
    return Header(width, height, channels, bits, plain and bits == 8 and channels in (1, 3), exif, progressive)


def tiff_pages(data: bytes) -> int:
    """How many pictures a TIFF has, thumbnails among them; at most `MAX_PAGES`, however they are linked."""
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    first, counted, entry, place = (8, 8, 20, 8) if 43 in data[2:4] else (4, 2, 12, 4)  # BigTIFF, TIFF 6.0

    def number(at: int, length: int) -> int:
        return int.from_bytes(data[at : at + length], order)

    at, seen = number(first, place), set[int]()
    while 0 < at < len(data) and at not in seen and len(seen) < MAX_PAGES:
        seen.add(at)
        at = number(at + counted + entry * number(at, counted), place)
    return max(1, len(seen))


def check_ppm(data: bytes) -> None:
    """Refuse a PPM that takes long to read: its header and figures are parsed byte by byte."""
    if not _PPM.match(data, 0, PPM_HEAD):
        raise ImageError(f"the PPM is damaged: its first {PPM_HEAD:,} bytes do not say its size")
    if data[1:2] in b"123" and len(data) > PPM_TEXT:
        raise ImageError(f"a PPM in figures of more than {PPM_TEXT >> 20} MiB: it would take too long to decode")
