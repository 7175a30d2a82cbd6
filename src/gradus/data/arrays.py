"""Arrays as records and back: the features and labels of generic datasets.

Pictures, uint8 (height, width) or (height, width, 3) red, green, blue, may be encoded. Everything else is stored as
it is, uint8 or float32: values (n,) as n channels of one pixel, rows (h, w) as one channel, (channels, h, w) so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradus.core.dataset import Encoding
from gradus.core.errors import InputError
from gradus.core.generic import RecordEncoding, RecordForm
from gradus.data.datum import Datum, decode_datum, encode_datum, encode_floats, encode_planes
from gradus.data.encode import encode_pixels
from gradus.data.records import PNG, decode_picture
from gradus.data.wire import Buffer
from gradus.plugins.data import Array

FEATURES, LABELS = "features", "labels"  # the two databases of a split
QUALITY = 90  # of a JPEG, as in DIGITS
MOST_AXES = 3


@dataclass(frozen=True, slots=True)
class Record:
    """A record to be, and what its form is."""

    data: bytes
    form: RecordForm


def is_picture(array: Array) -> bool:
    """Whether an array is a picture: 8 bits, and gray or with three colours last."""
    return array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))


def encode_record(value: Array | bytes | int, encoding: RecordEncoding) -> Record:
    """A feature or label as a `Datum`. `InputError` where it is no array that can be stored."""
    if isinstance(value, bytes):
        return Record(value, form_of(decode_datum(value)))
    if isinstance(value, int):
        form = RecordForm(shape=(1, 1, 1), encoding=Encoding.RAW, number="float32")
        return Record(encode_floats(np.array([value], np.float32), (1, 1, 1), label=value), form)
    array: NDArray[Any] = np.asarray(value)  # a plugin's own code may give anything
    if array.dtype not in (np.uint8, np.float32) or not 1 <= array.ndim <= MOST_AXES or not array.size:
        raise InputError(
            f"a sample is an array of {array.dtype} with the shape {list(array.shape)}",
            hint="Use uint8 or float32 with one to three axes, and at least one value.",
        )
    if is_picture(array):
        return _picture(array.astype(np.uint8, copy=False), Encoding(encoding.value))
    planes = _planes(array)
    channels, height, width = planes.shape
    shape = (channels, height, width)
    if array.dtype == np.float32:
        form = RecordForm(shape=shape, encoding=Encoding.RAW, number="float32")
        return Record(encode_floats(planes.astype(np.float32, copy=False), shape), form)
    data = encode_datum(planes.tobytes(), channels=channels, height=height, width=width, label=0, encoded=False)
    return Record(data, RecordForm(shape=shape, encoding=Encoding.RAW, number="uint8"))


def decode_record(record: Buffer) -> Array:
    """What `encode_record` was given: pictures red, green, blue; other arrays as (channels, height, width)."""
    datum = decode_datum(record)
    if datum.encoded:
        pixels = decode_picture(datum.data, None)
        return pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., ::-1]
    shape = (datum.channels, datum.height, datum.width)
    floats = datum.float_data
    values: NDArray[Any] = np.frombuffer(datum.data, np.uint8) if floats is None else floats
    if values.size != int(np.prod(shape)) or min(shape) < 1:
        raise InputError(f"The record holds {values.size:,} values for the shape {list(shape)}")
    planes: Array = values.reshape(shape)
    if floats is not None:
        return planes
    if shape[0] == 1:
        planes = planes[0]
    elif shape[0] == 3:
        planes = planes[::-1].transpose(1, 2, 0)
    return planes


def form_of(datum: Datum) -> RecordForm:
    """The form of a record that is there already."""
    if datum.encoded:
        height, width, channels = decode_picture(datum.data, None).shape
        encoding = Encoding.PNG if datum.data[:8] == PNG else Encoding.JPG
        return RecordForm(shape=(channels, height, width), encoding=encoding, number="uint8")
    number = "uint8" if datum.float_data is None else "float32"
    shape = (datum.channels, datum.height, datum.width)
    return RecordForm(shape=shape, encoding=Encoding.RAW, number=number)


def _picture(pixels: NDArray[np.uint8], encoding: Encoding) -> Record:
    deep = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    height, width, channels = deep.shape
    form = RecordForm(shape=(channels, height, width), encoding=encoding, number="uint8")
    if encoding is Encoding.RAW:
        return Record(bytes(encode_planes(deep)), form)
    data = encode_pixels(deep, encoding, QUALITY)
    return Record(encode_datum(data, channels=channels, height=height, width=width, label=0, encoded=True), form)


def _planes(array: Array) -> Array:
    if array.ndim == 1:
        return array[:, None, None]
    return array[None] if array.ndim == 2 else array
