"""From a database record to pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gradus.core.errors import InputError
from gradus.data.datum import data_of, decode_datum
from gradus.data.exif import orientation, upright
from gradus.data.headers import jpeg_header, png_header
from gradus.data.pictures import check_size, decode
from gradus.data.wire import Buffer

JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"


def fill(out: NDArray[np.uint8], record: Buffer) -> None:
    """Decode a record into `out`, uint8 (height, width, channels) in BGR or gray, which it must fit."""
    height, width, channels = out.shape
    ours = data_of(record, (channels, height, width))
    if ours is not None:
        data, encoded = ours
    else:
        datum = decode_datum(record)
        data, encoded = datum.data, datum.encoded
        if not encoded and (datum.channels, datum.height, datum.width) != (channels, height, width):
            raise _misfit(f"{datum.width} x {datum.height} with {datum.channels} channels", out)
    if encoded:
        pixels = decode_picture(data, channels)
        if pixels.shape[:2] != (height, width):
            raise _misfit(f"{pixels.shape[1]} x {pixels.shape[0]}", out)
        np.copyto(out, pixels.reshape(out.shape))
        return
    if len(data) != out.size:
        raise _misfit(f"{len(data):,} bytes", out)
    planes = np.frombuffer(data, np.uint8).reshape(channels, height, width)
    np.copyto(out, planes.transpose(1, 2, 0))


def decode_picture(data: memoryview, channels: int | None, *, turned: bool = False) -> NDArray[np.uint8]:
    """A picture file as OpenCV decodes it: uint8 (height, width, channels), gray or BGR. `InputError` if damaged.

    `channels` 1 or 3 converts, None takes what is in the file (1, 3, or 4 with alpha last). `turned` puts a JPEG
    or PNG upright that says it is not (EXIF).
    """
    if data[:2] == JPEG:
        pixels = _jpeg(data, channels)
        if pixels is not None:
            return upright(pixels, orientation(jpeg_header(bytes(data)).exif)) if turned else pixels
    elif data[:8] == PNG:
        header = png_header(bytes(data))
        check_size(header.width, header.height)
    else:
        return _other(bytes(data), channels)
    kind = {None: cv2.IMREAD_UNCHANGED, 1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}[channels]
    if not turned and channels is not None:
        kind |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        found: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), kind)
    except cv2.error as error:
        raise InputError(f"The picture is damaged: {error}") from error
    if found is None:
        raise InputError("The picture is damaged: its data does not decode or fails its checksum")
    if found.dtype != np.uint8:
        raise InputError(f"The picture has {found.dtype.itemsize * 8} bits a channel, not 8")
    return found[..., None] if found.ndim == 2 else found


def _other(data: bytes, channels: int | None) -> NDArray[np.uint8]:
    """A BMP, TIFF, WebP and so on, by the house's decoder: alpha on white, upright."""
    pixels = decode(data).pixels
    gray = pixels.ndim == 2
    if gray and channels != 3:
        return pixels[..., None]
    if channels == 1:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR if gray else cv2.COLOR_RGB2BGR), np.uint8)


def _jpeg(data: memoryview, channels: int | None) -> NDArray[np.uint8] | None:
    """Through libjpeg-turbo, which refuses what is damaged; None for a colour space that it does not convert."""
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
        check_size(width, height)
        if space not in ("Gray", "YCbCr", "RGB"):
            return None
        kind = "GRAY" if channels == 1 or (channels is None and space == "Gray") else "BGR"
        return simplejpeg.decode_jpeg(data, kind)  # type: ignore[no-any-return]
    except ValueError as error:
        raise InputError(f"The picture is damaged: {error}") from error


def _misfit(found: str, out: NDArray[np.uint8]) -> InputError:
    height, width, channels = out.shape
    return InputError(f"The record is {found}, not {width} x {height} with {channels} channels as the dataset says")
