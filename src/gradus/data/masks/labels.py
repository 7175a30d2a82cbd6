"""A label picture as it was stored: the number at each pixel, or its colour.

    palette       the index of each pixel, not its colour; the palette beside it
    gray          the value, of 1, 2, 4, 8 or 16 bits, not stretched to 0 to 255
    RGB           the colour, for a colour map to look up

An alpha channel has to be opaque. JPEG is marked as lossy: it changes values near edges, so that only two classes
far apart survive it. Only in JPEG are orientation tags acted upon: programs that write labels write them upright.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gradus.core.errors import ImageError
from gradus.data.headers import png_header
from gradus.data.pictures import decode, opened_by_pillow
from gradus.data.sniff import Format, sniff

Numbers = NDArray[np.uint8] | NDArray[np.uint16]
Colour = tuple[int, int, int]

TIFF_BITS = 258
STRETCHED = {2: 85, 4: 17}  # by what Pillow multiplies gray values of so few bits: 3 becomes 255, and so does 15


@dataclass(frozen=True, slots=True)
class LabelPicture:
    """`values` are (H, W) numbers, or (H, W, 3) uint8 red, green, blue. `palette[i]` is the colour of number i."""

    values: Numbers
    palette: tuple[Colour, ...] = ()
    lossy: bool = False

    @property
    def coloured(self) -> bool:
        """Whether pixels have colours, not numbers."""
        return self.values.ndim == 3

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.values.shape[1], self.values.shape[0]


def read_label(data: bytes) -> LabelPicture:
    """The numbers or colours in the file. `ImageError` says why there are none.

    What pictures are refused for, labels are too: Pillow alone would fill up missing rows of a PNG.
    """
    kind = sniff(data)
    bits = 0
    if kind in ("PNG", "JPEG"):
        pixels = decode(data).pixels
        header = png_header(data) if kind == "PNG" else None
        if header is None or header.plain:
            return LabelPicture(pixels, lossy=kind == "JPEG")
        bits = header.bits
    with opened_by_pillow(data, kind) as image:
        image.load()
        return LabelPicture(_values(image, kind, bits), _palette(image) if image.mode == "P" else ())


def _values(image: Image.Image, kind: Format, bits: int) -> Numbers:
    mode = image.mode
    pixels = np.asarray(image)
    if mode == "1":
        return pixels.astype(np.uint8)
    if mode in ("LA", "RGBA"):
        if pixels[..., -1].min() < 255:
            raise ImageError("parts of it are transparent, which is no class", hint="Save labels without alpha.")
        pixels, mode = pixels[..., :-1], "RGB" if mode == "RGBA" else "L"
        pixels = pixels if mode == "RGB" else pixels[..., 0]
    if mode == "L":
        return pixels // STRETCHED.get(bits or _tiff_bits(image, kind), 1)
    if mode in ("P", "RGB"):
        return pixels
    if mode.startswith("I;16"):
        return pixels.astype(np.uint16)
    if mode == "I" and pixels.min() >= 0 and pixels.max() <= 65535:
        return pixels.astype(np.uint16)
    raise ImageError(
        f"its pixels are of a kind that labels cannot have ({mode})",
        hint="Labels are palette, gray (up to 16 bits) or RGB pictures.",
    )


def _tiff_bits(image: Image.Image, kind: Format) -> int:
    tags = getattr(image, "tag_v2", {}) if kind == "TIFF" else {}
    return int(tags.get(TIFF_BITS, (0,))[0])


def _palette(image: Image.Image) -> tuple[Colour, ...]:
    flat = image.getpalette("RGB") or []
    return tuple((flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3))
