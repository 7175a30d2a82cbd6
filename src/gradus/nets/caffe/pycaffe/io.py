"""Pictures and arrays in and out: loading, resizing, the Transformer, and Caffe's messages (catalogue 5.2).

Pictures are (height, width, channels) float32, RGB or gray, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from gradus.data.pictures import read_picture
from gradus.nets.caffe.pycaffe.errors import CaffeValueError, as_caffe
from gradus.nets.caffe.pycaffe.proto import caffe_pb2
from gradus.nets.caffe.pycaffe.transformer import Transformer
from gradus.nets.caffe.pycaffe.warp import resize_image
from gradus.nets.caffe.schema import message_class

__all__ = [
    "Transformer", "array_to_blobproto", "array_to_datum", "arraylist_to_blobprotovector_str",
    "blobproto_to_array", "blobprotovector_str_to_arraylist", "caffe_pb2", "datum_to_array", "load_image", "oversample",
    "resize_image",
]  # fmt: skip

_LUMINANCE = np.array([0.2125, 0.7154, 0.0721], np.float32)  # of red, green and blue in gray (ITU-R 709)


def load_image(filename: str | PathLike[str], color: bool = True) -> np.ndarray:
    """A picture file as (H, W, 3) RGB, or (H, W, 1) gray without `color`; an alpha channel shows white."""
    with as_caffe():
        pixels = read_picture(Path(fspath(filename)).resolve()).astype(np.float32) / 255
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2) if color else pixels[..., None]
    return pixels if color else (pixels @ _LUMINANCE)[..., None]


def oversample(images: Sequence[np.ndarray], crop_dims: Sequence[int] | np.ndarray) -> np.ndarray:
    """Ten crops of each (H, W, K) picture: its four corners and its centre, then the same mirrored."""
    height, width = images[0].shape[:2]
    crop = [int(side) for side in crop_dims]
    if crop[0] > height or crop[1] > width:
        raise CaffeValueError(f"crops of {crop[0]} x {crop[1]} do not fit into pictures of {height} x {width}")
    low, right = height - crop[0], width - crop[1]
    places = [(0, 0), (0, right), (low, 0), (low, right), (low // 2, right // 2)]
    crops = []
    for image in images:
        five = [image[top : top + crop[0], left : left + crop[1]] for top, left in places]
        crops += [*five, *(one[:, ::-1] for one in five)]
    return np.array(crops, np.float32)


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """A BlobProto's data (or diff) in its shape; one value alone needs no shape."""
    single, double = (blob.diff, blob.double_diff) if return_diff else (blob.data, blob.double_data)
    values = np.array(double or single, np.float32)
    if any(blob.HasField(side) for side in ("num", "channels", "height", "width")):
        shape = [blob.num, blob.channels, blob.height, blob.width]
    else:
        shape = list(blob.shape.dim)
    if any(side < 0 for side in shape) or int(np.prod(shape, dtype=object)) != values.size:
        raise CaffeValueError(f"the blob has {values.size} values, which are not {shape}")
    return values.reshape(shape)


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto with this array's values and shape."""
    blob = message_class("BlobProto")()
    blob.data.extend(np.asarray(arr).astype(float).ravel())
    blob.shape.dim.extend(np.shape(arr))
    if diff is not None:
        blob.diff.extend(np.asarray(diff).astype(float).ravel())
    return blob


def arraylist_to_blobprotovector_str(arraylist: Sequence[np.ndarray]) -> bytes:
    """Several arrays as the bytes of a BlobProtoVector."""
    vector = message_class("BlobProtoVector")(blobs=[array_to_blobproto(arr) for arr in arraylist])
    return bytes(vector.SerializeToString())


def blobprotovector_str_to_arraylist(string: bytes) -> list[np.ndarray]:
    """The arrays of a BlobProtoVector."""
    return [blobproto_to_array(blob) for blob in message_class("BlobProtoVector").FromString(string).blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> Any:
    """A Datum of a (channels, height, width) array: bytes for uint8, else floats."""
    if arr.ndim != 3:
        raise CaffeValueError("Incorrect array shape.", hint="A Datum holds channels x height x width.")
    datum = message_class("Datum")()
    datum.channels, datum.height, datum.width = arr.shape
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).ravel())
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum: Any) -> np.ndarray:
    """A Datum's (channels, height, width) array: uint8 where it holds bytes, else float."""
    values = np.frombuffer(datum.data, np.uint8) if datum.data else np.array(datum.float_data, float)
    shape = (datum.channels, datum.height, datum.width)
    if values.size != int(np.prod(shape, dtype=object)):
        raise CaffeValueError(
            f"the record has {values.size} values, not {shape[0]} x {shape[1]} x {shape[2]}",
            hint="Is it an encoded picture (datum.encoded)? Decode its data first.",
        )
    return values.reshape(shape).copy()
