"""Pictures of a detection dataset at one size: black on the right and below, then resized as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradus.builtin.detection_options import DetectionOptions, Padding
from gradus.builtin.paired_options import Conversion
from gradus.core.dataset import ResizeMode
from gradus.core.errors import ImageError
from gradus.data.annotations.read import Pictured
from gradus.data.annotations.recognise import Format
from gradus.data.pictures import opened_by_pillow, read_file
from gradus.data.readers.folder import EVERY
from gradus.data.resize import fit
from gradus.data.sniff import sniff
from gradus.plugins.data import Watch

KITTI_CANVAS = (1248, 384)
SIDEWAYS = 5  # EXIF orientations from here on swap width and height
ORIENTATION = 0x0112

Pixels = NDArray[np.uint8]
Size = tuple[int, int]  # width, height
CHANNELS = {Conversion.RGB: 3, Conversion.GRAY: 1}


class Fitted(NamedTuple):
    """Pixels as they are stored, and what coordinates of the file are multiplied with."""

    pixels: Pixels
    scale: tuple[float, float]


def canvas_of(options: DetectionOptions, kind: Format, pictures: Iterable[Pictured], watch: Watch) -> Size | None:
    """The size that pictures are padded to, None if they are not."""
    if options.padding is not Padding.AUTO:
        width, height = options.padding_image_width, options.padding_image_height
        return (width, height) if options.padding is Padding.SIZE and width and height else None
    if kind is Format.KITTI:
        return KITTI_CANVAS
    return _largest(pictures, watch) if options.force_same_shape and options.target is None else None


def fitted(pixels: Pixels, canvas: Size | None, target: Size | None, conversion: Conversion) -> Fitted:
    """Bring a (H, W) gray or (H, W, 3) RGB picture to its size. `ImageError` where it is larger than the canvas."""
    height, width = pixels.shape[:2]
    across, down = canvas or (width, height)
    if width > across or height > down:
        raise ImageError(
            f"{width} x {height} pixels, larger than the canvas of {across} x {down}",
            hint="Give a larger padding size.",
        )
    if (width, height) != (across, down):
        padded = np.zeros((down, across, *pixels.shape[2:]), np.uint8)
        padded[:height, :width] = pixels
        pixels = padded
    to = target or (across, down)
    channels = CHANNELS.get(conversion, 3 if pixels.ndim == 3 else 1)
    result = fit(pixels, *to, channels, ResizeMode.SQUASH)
    return Fitted(result[..., 0] if channels == 1 else result, (to[0] / across, to[1] / down))


def _largest(pictures: Iterable[Pictured], watch: Watch) -> Size | None:
    """The largest width and height, None if all pictures are of one size."""
    sizes: set[Size] = set()
    for number, picture in enumerate(pictures, 1):
        if number % EVERY == 0:
            watch(number)
        if size := picture.size or _size(picture.path):
            sizes.add(size)
    if len(sizes) < 2:
        return None
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _size(path: str) -> Size | None:
    """What a file's header says; None where that cannot be read, which is told when it is decoded."""
    try:
        data = read_file(path)
        with opened_by_pillow(data, sniff(data)) as image:
            width, height = image.size
            return (height, width) if image.getexif().get(ORIENTATION, 1) >= SIDEWAYS else (width, height)
    except ImageError:
        return None
