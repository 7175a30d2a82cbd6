"""Data: pictures and labels from an LMDB or a LevelDB of Datums (catalogue 1.8, 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradus.core.errors import InputError
from gradus.data.datum import Datum, decode_datum, planes_of
from gradus.data.records import decode_picture
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.sources.pictures import gather
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.stream import Pair, RecordStream
from gradus.nets.caffe.sources.transform import Pixels, Transform
from gradus.nets.caffe.text.prototxt import Definition

FIELD = "data_param.source"


class Data(Source):
    """Tops: pictures (N, C, H, W), sized by the first of each batch, and if there are two, labels (N,).

    `scale`, `mean_file`, `crop_size` and `mirror` of `data_param` belong to the older notation, whose upgrade moves
    them to `transform_param`; in today's notation Caffe does not look at them, and neither do we. NVIDIA's `cache`,
    `threads` and `parser_threads` change nothing: the system caches files, and every core decodes.
    """

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = definition.message.data_param
        self.batch = self.positive(p.batch_size, "data_param.batch_size")
        self.ahead = min(p.prefetch, 32)
        self._transform = Transform(definition, reading)
        self._channels = 3 if p.force_encoded_color else self._transform.channels
        with self.explaining(FIELD):
            self._stream = RecordStream(definition, reading)

    def shapes(self) -> list[Shape]:
        """As the next record says."""
        with self.explaining(FIELD), ExitStack() as held:
            picture = picture_of(*_parsed(self._stream.first(held)), self._channels)
            height, width = self._transform.size(*picture.shape[:2])
        return [(self.batch, picture.shape[2], height, width), (self.batch,)][: self.tops]

    def read(self) -> list[Tensor]:
        """Records that are raw pictures of one size are read as one block; others one by one, in threads."""
        with self.explaining(FIELD), ExitStack() as held:
            pairs = self._stream.take(self.batch, held)
            draws = self._transform.draw(self.batch)
            block = planes_of([record for _, record in pairs])
            if block is not None:
                planes, labels = block
                return self._with(self._transform(planes, draws), labels)
            found: list[Datum | None] = [None] * len(pairs)

            def picture(index: int) -> Pixels:
                datum, key = _parsed(pairs[index])
                found[index] = datum
                return picture_of(datum, key, self._channels)

            pictures = gather(self._transform, draws, picture, lambda i: f"record {_named(pairs[i][0])}")
            return self._with(pictures, [datum.label for datum in found if datum is not None])

    def skip(self, batches: int) -> None:
        """Leave out records, and what would have been drawn for them."""
        with self.explaining(FIELD):
            self._stream.skip(batches * self.batch)
        self._transform.skip(self.batch, batches)

    def close(self) -> None:
        """Release the database and the threads."""
        self._transform.close()
        self._stream.close()

    def _with(self, pictures: Tensor, labels: list[int]) -> list[Tensor]:
        return [pictures, torch.from_numpy(np.asarray(labels, np.float32))][: self.tops]


def picture_of(datum: Datum, key: bytes, channels: int | None) -> Pixels:
    """(height, width, channels) of one record; an encoded one comes in so many channels, None: as it is."""
    shape = (datum.channels, datum.height, datum.width)
    if datum.encoded:
        with naming(key):
            return decode_picture(datum.data, channels)
    values: NDArray[np.uint8] | NDArray[np.float32]
    if len(datum.data):
        values = np.frombuffer(datum.data, np.uint8)
    elif datum.float_data is not None:
        values = datum.float_data
    else:
        raise _damaged(key, "holds no data")
    if min(shape) < 1 or values.size != shape[0] * shape[1] * shape[2]:
        raise _damaged(key, f"has {values.size:,} values for {'x'.join(map(str, shape))}")
    return values.reshape(shape).transpose(1, 2, 0)


def _parsed(pair: Pair) -> tuple[Datum, bytes]:
    key, record = pair
    with naming(key):
        return decode_datum(record), key


@contextmanager
def naming(key: bytes) -> Iterator[None]:
    """Say which record an error is about."""
    try:
        yield
    except InputError as problem:
        raise _damaged(key, f"cannot be used: {problem}") from problem


def _damaged(key: bytes, what: str) -> InputError:
    return InputError(f"record {_named(key)} {what}", hint="Write the database again, without this record.")


def _named(key: bytes) -> str:
    text = key[:80].decode(errors="replace")
    return "".join(c if c.isprintable() else "?" for c in text)
