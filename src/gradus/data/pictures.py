"""A picture file as pixels: the one decoder behind datasets, predictions and examples.

JPEG goes through libjpeg-turbo and PNG through OpenCV's libpng, which refuse damaged data; the rest
through Pillow, told which format to expect. No picture is ever half decoded and filled up with gray.

A JPEG that will be shrunk to half or less may be decoded at a half, a quarter or an eighth: libjpeg-turbo then
computes only the low frequencies of each block. Quicker, and near to the whole: 0.4 of 255 apart in the mean on
photographs, at most 10, where shrinking without antialiasing is 2.3 apart; a fine grating leaves a tenth of itself.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from gradus.core.errors import ImageError
from gradus.data.colour import from_deep, from_pillow, in_bands, over_white
from gradus.data.exif import orientation, upright
from gradus.data.headers import Header, check_ppm, jpeg_header, png_header, tiff_pages, without_animation
from gradus.data.quiet import quiet_pillow
from gradus.data.sniff import Format, sniff

MAX_PIXELS = 64 * 2**20
MAX_WIDE = 52 * 2**20  # where decoding takes eight bytes a pixel: PNG with alpha, and what goes through Pillow
MAX_COSTLY = MAX_PIXELS // 2  # where it takes up to twelve: progressive JPEG, TIFF of 16-bit colours
MAX_DEEP = 24 * 2**20  # where it takes sixteen: WebP, PNG of 16 bits
_MOST: dict[Format, int] = {"WEBP": MAX_DEEP, "JPEG": MAX_PIXELS, "PNG": MAX_PIXELS}  # of what Pillow opens
MAX_SIDE = 2**20
MAX_BYTES = 512 * 2**20
MAX_TILE = 2**22  # pixels of a TIFF's tile beyond those of the picture
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_ORIENTATION, _TURNS = 0x0112, frozenset(range(1, 9))
_TIFF_BITS, _TIFF_PHOTOMETRIC, _RGB = 258, 262, 2

_PLAIN = {  # how OpenCV decodes what needs no conversion, by the number of channels
    1: cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION, 3: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
}  # fmt: skip
FRACTIONS = (8, 4, 2)  # of a JPEG's sides; others exist, but are slower than the whole

Pixels = NDArray[np.uint8]
Least = Callable[[int, int], tuple[int, int]]  # from a picture's (width, height) to how much of it is needed


class Picture(NamedTuple):
    """Upright uint8 pixels, (H, W) gray or (H, W, 3) RGB.

    `size` is the whole picture's (width, height), of which the pixels may be a fraction. `plain` names the format
    of the file if every decoder finds exactly these pixels in it; a PNG then holds nothing else. `frames` is how many
    pictures the file has, of which this is the first.
    """

    pixels: Pixels
    size: tuple[int, int]
    plain: Literal["png", "jpg"] | None = None
    frames: int = 1


def read_picture(source: Path | bytes) -> Pixels:
    """The pixels of a picture, upright: uint8 (H, W, 3) RGB or (H, W) gray.

    `ImageError` gives the reason in plain words; it names the file where `source` is a path.
    """
    if isinstance(source, bytes):
        return decode(source).pixels
    try:
        return decode(read_file(source)).pixels
    except ImageError as error:
        raise ImageError(str(error), file=str(source), hint=error.problem.hint) from error


def read_file(path: Path | str) -> bytes:
    """The bytes of a regular file. Never waits on a pipe or a device, never follows a link at the end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise ImageError("the file is no longer there") from None
    except OSError as error:
        raise ImageError(f"the file cannot be opened: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("not a file but a folder, link or device")
        if status.st_size > MAX_BYTES:
            raise ImageError(f"the file is larger than {MAX_BYTES // 2**20} MiB")
        data = os.read(descriptor, status.st_size + 1)
        while len(data) < status.st_size:  # a read may be short, on network disks for one
            more = os.read(descriptor, status.st_size - len(data))
            if not more:
                break
            data += more
        return data
    except OSError as error:
        raise ImageError(f"the file cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def decode(data: bytes, least: Least | None = None) -> Picture:
    """Decode a picture's bytes. A JPEG may come smaller, but no smaller than `least` of its upright size."""
    kind = sniff(data)
    if kind == "PNG":
        return _png(data)
    if kind == "JPEG":
        return _jpeg(data, least)
    return _through_pillow(data, kind)


def check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Refuse a picture that would take too much memory, before it is decoded."""
    if width < 1 or height < 1:
        raise ImageError(f"its size is {width} x {height}")
    if width * height > most:
        kind = "" if most == MAX_PIXELS else " of its kind"
        raise ImageError(f"{width:,} x {height:,} pixels: more than {most // 2**20} megapixels{kind} are not read")
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"{width:,} x {height:,} pixels: more than {MAX_SIDE:,} on a side are not read")


def _png(data: bytes) -> Picture:
    header = png_header(data)
    most = MAX_DEEP if header.bits == 16 else MAX_WIDE if header.alpha else MAX_PIXELS
    check_size(header.width, header.height, most)
    reason = "the PNG is damaged: its data does not decode or fails its checksum"
    if header.plain:
        return _finish(_imdecode(data, _PLAIN[header.channels], reason), header, "png")
    still = without_animation(data) if header.frames else data
    return _finish(_opencv(still, reason, header.clear), header, "png")


def _opencv(data: bytes, reason: str, clear: int | None = None) -> Pixels:
    """Decode with OpenCV to gray or RGB; alpha, if there is one, on white, and so the gray level `clear`."""
    found = _imdecode(data, cv2.IMREAD_UNCHANGED, reason)
    return in_bands(found, lambda band: _from_opencv(band, clear), over=True)


def _imdecode(data: bytes, how: int, reason: str) -> NDArray[Any]:
    try:
        found: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error as error:
        raise ImageError(reason) from error
    if found is None:
        raise ImageError(reason)
    return found


def _from_opencv(found: NDArray[Any], clear: int | None) -> Pixels:
    pixels: Pixels = from_deep(found) if found.dtype == np.uint16 else found
    if pixels.ndim == 2:
        return pixels if clear is None else np.where(found == clear, np.uint8(255), pixels)
    if pixels.shape[2] == 4:
        return over_white(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA))  # type: ignore[arg-type]
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def _jpeg(data: bytes, least: Least | None) -> Picture:
    header = jpeg_header(data)
    check_size(header.width, header.height, MAX_COSTLY if header.progressive else MAX_PIXELS)
    if header.channels not in (1, 3) or header.bits != 8:
        check_size(header.width, header.height, MAX_WIDE)
        return _through_pillow(data, "JPEG")
    part = _fraction(header, least) if least else 1
    sides = {"min_width": -(-header.width // part), "min_height": -(-header.height // part)} if part > 1 else {}
    try:
        kind = "GRAY" if header.channels == 1 else "RGB"
        pixels = simplejpeg.decode_jpeg(data, kind, min_factor=part, **sides)
    except ValueError as error:
        raise ImageError(f"the JPEG is damaged: {str(error).lower()}") from error
    return _finish(pixels[..., 0] if header.channels == 1 else pixels, header, "jpg")


def _fraction(header: Header, least: Least) -> int:
    """By how much a JPEG may be shrunk while it is decoded."""
    turned = orientation(header.exif) >= 5 if header.exif else False  # on its side
    across, down = (header.height, header.width) if turned else (header.width, header.height)
    width, height = least(across, down)
    return next((n for n in FRACTIONS if across >= width * n and down >= height * n), 1)


def _finish(pixels: Pixels, header: Header, kind: Literal["png", "jpg"]) -> Picture:
    size = header.width, header.height
    if header.exif:
        turned = orientation(header.exif)
        if turned != 1:
            return Picture(upright(pixels, turned), size[::-1] if turned >= 5 else size, frames=max(1, header.frames))
    return Picture(pixels, size, kind if header.plain else None, max(1, header.frames))


@contextmanager
def opened_by_pillow(data: bytes, kind: Format) -> Iterator[Image.Image]:
    """The picture as Pillow has it, not decoded yet. What fails until the block ends is an `ImageError`."""
    if kind == "PPM":
        check_ppm(data)
    with quiet_pillow():
        try:
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                check_size(*image.size, _MOST.get(kind, MAX_WIDE))
                yield image
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageError(f"more than {MAX_PIXELS // 2**20} megapixels are not read") from error
        except Exception as error:  # the boundary: its parsers trip over odd files in many ways
            raise ImageError(f"the {kind} is damaged or of an unknown kind: {_plain(error)}") from error


def _through_pillow(data: bytes, kind: Format) -> Picture:
    pixels, frames = _by_pillow(data, kind)
    return Picture(pixels, (pixels.shape[1], pixels.shape[0]), frames=frames)


def _by_pillow(data: bytes, kind: Format) -> tuple[Pixels, int]:
    """The pixels of the first picture, and how many there are."""
    with opened_by_pillow(data, kind) as image:
        if kind == "TIFF":
            _check_tiles(image)
        if kind == "TIFF" and _deep_colour(image):
            check_size(*image.size, MAX_COSTLY)
            return _opencv(data, "the TIFF is damaged"), tiff_pages(data)
        image.load()
        turned = image.getexif().get(_ORIENTATION)
        frames = tiff_pages(data) if kind == "TIFF" else getattr(image, "n_frames", 1)
        return upright(from_pillow(image), turned if turned in _TURNS else 1), frames


def _check_tiles(image: Image.Image) -> None:
    """Refuse a TIFF whose tiles are far larger than the picture: room is made for a whole one."""
    tags: dict[int, Any] = getattr(image, "tag_v2", {})
    if tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0) > image.width * image.height + MAX_TILE:
        raise ImageError("the TIFF is damaged: its tiles are larger than the picture")


def _deep_colour(image: Image.Image) -> bool:
    """Whether a TIFF holds 16-bit RGB, which Pillow would cut to 8 bits by another rule than ours."""
    tags: dict[int, Any] = getattr(image, "tag_v2", {})
    return max(tags.get(_TIFF_BITS, (8,))) == 16 and tags.get(_TIFF_PHOTOMETRIC) == _RGB


def _plain(error: Exception) -> str:
    text = str(error).splitlines()
    return text[0] if text and "0x" not in text[0] else "it cannot be decoded"
