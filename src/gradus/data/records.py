"""From a database record to pixels."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gradus.core.errors import InputError
from gradus.data.datum import data_of, decode_datum
from gradus.data.wire import Buffer

JPEG = b"\xff\xd8"


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
        pixels = _decode(data, channels)
        if pixels.shape[:2] != (height, width):
            raise _misfit(f"{pixels.shape[1]} x {pixels.shape[0]}", out)
        np.copyto(out, pixels.reshape(out.shape))
        return
    if len(data) != out.size:
        raise _misfit(f"{len(data):,} bytes", out)
    planes = np.frombuffer(data, np.uint8).reshape(channels, height, width)
    np.copyto(out, planes.transpose(1, 2, 0))


def _decode(data: memoryview, channels: int) -> NDArray[np.uint8]:
    if data[:2] == JPEG:
        try:
            return simplejpeg.decode_jpeg(data, "GRAY" if channels == 1 else "BGR")  # type: ignore[no-any-return]
        except ValueError as error:
            raise InputError(f"The record is damaged: {error}") from error
    if not len(data):
        raise InputError("The record is damaged: it is empty")
    kind = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), kind | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise InputError(f"The record is damaged: {error}") from error
    if pixels is None:
        raise InputError("The record is damaged: its picture cannot be decoded")
    return pixels  # type: ignore[return-value]


def _misfit(found: str, out: NDArray[np.uint8]) -> InputError:
    height, width, channels = out.shape
    return InputError(f"The record is {found}, not {width} x {height} with {channels} channels as the dataset says")
