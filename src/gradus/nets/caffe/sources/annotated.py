"""AnnotatedData: pictures and the boxes in them, from a database of AnnotatedDatums (catalogue 1.8)."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from gradus.core.errors import InputError
from gradus.data.datum import Datum, decode_datum
from gradus.data.wire import BYTES, fields
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources import batch_sampler, distortion, ssd_transform
from gradus.nets.caffe.sources.annotations import Annotations, mirrored, seen_in
from gradus.nets.caffe.sources.data import FIELD, naming, picture_of
from gradus.nets.caffe.sources.pictures import gather
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.stream import Pair, RecordStream
from gradus.nets.caffe.sources.transform import Draws, Pixels, Transform
from gradus.nets.caffe.text.prototxt import Definition


@dataclass(frozen=True, slots=True)
class Record:
    """An AnnotatedDatum. `annotations` is None where it says that it has none but its label."""

    datum: Datum
    annotations: Annotations | None


class AnnotatedData(Source):
    """Tops: pictures (N, C, H, W), and boxes (1, 1, B, 8) of all of them, one a row.

    A row is item, group_label, instance_id, xmin, ymin, xmax, ymax (shares of the picture), difficult. Where a batch
    has no boxes there is one row of -1s. Each picture is distorted, expanded, cropped by the samplers, resized,
    made noisy, cropped and mirrored, in this order, as far as the text says so. Unlike Caffe's, it is not
    written as a JPEG after each of the first three.
    """

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = definition.message.data_param
        self.batch = self.positive(p.batch_size, "data_param.batch_size")
        self.ahead = min(p.prefetch, 32)
        self._settings: Any = definition.message.transform_param
        self._samplers = batch_sampler.check(definition)
        fits = self._settings.resize_param.resize_mode == ssd_transform.FIT_SMALL_SIZE
        if self._settings.HasField("resize_param") and fits and self.batch > 1:
            raise self.error("resizes to different sizes, which needs a batch_size of 1", at="data_param.batch_size",
                             hint="Or use another resize_mode than FIT_SMALL_SIZE.")  # fmt: skip
        self._typed = definition.message.annotated_data_param.HasField("anno_type")
        self._ready: list[Tensor] | None = None
        self._random = reading.generator(f"{definition.name}/boxes")
        self._transform = Transform(definition, reading, resizes=False)
        with self.explaining(FIELD):
            self._stream = RecordStream(definition, reading)

    def shapes(self) -> list[Shape]:
        """Of the next batch, which is made for it: how many boxes are left is known then only."""
        if self._ready is None:
            self._ready = self._made()
        return [tuple(top.shape) for top in self._ready]

    def read(self) -> list[Tensor]:
        """The next batch."""
        batch, self._ready = self._ready or self._made(), None
        return batch

    def _made(self) -> list[Tensor]:
        """Pictures one by one, in threads: each has its own seed, so that the order of work does not matter."""
        with self.explaining(FIELD), ExitStack() as held:
            pairs = self._stream.take(self.batch, held)
            draws, seeds = self._transform.draw(self.batch), self._seeds()
            found: list[Annotations | float] = [0.0] * len(pairs)

            def picture(index: int) -> Pixels:
                pixels, found[index] = self._prepared(pairs[index], draws, index, int(seeds[index]))
                return pixels

            pictures = gather(self._transform, draws, picture, lambda i: f"record {i} of the batch")
        return [pictures, torch.from_numpy(_rows(found))][: self.tops]

    def skip(self, batches: int) -> None:
        """Leave out records, and what would have been drawn for them."""
        if batches and self._ready is not None:
            self._ready, batches = None, batches - 1
        with self.explaining(FIELD):
            self._stream.skip(batches * self.batch)
        self._transform.skip(self.batch, batches)
        for _ in range(batches):
            self._seeds()

    def close(self) -> None:
        """Release the database and the threads."""
        self._transform.close()
        self._stream.close()

    def _seeds(self) -> np.ndarray:
        return self._random.integers(1 << 63, size=self.batch)

    def _record(self, key: bytes, value: memoryview) -> Record:
        with naming(key):
            return parse_record(value, typed=self._typed)

    def _prepared(self, pair: Pair, draws: Draws, index: int, seed: int) -> tuple[Pixels, Annotations | float]:
        """A picture but for crop, mean and mirror, and its boxes after all of that; or the datum's label."""
        key, value = pair
        record = self._record(key, value)
        picture = picture_of(record.datum, key, self._transform.channels)
        p, random = self._settings, np.random.default_rng(seed)
        found = record.annotations or Annotations(np.zeros((0, 4)), np.zeros((0, 3)))
        with naming(key):
            if p.HasField("distort_param"):
                picture = distortion.distorted(picture, p.distort_param, random)
            if p.HasField("expand_param"):
                picture, found = ssd_transform.expanded(picture, found, p, random)
            window = batch_sampler.sample(self._samplers, found.boxes, random)
            if window is not None:
                picture, found = ssd_transform.cropped(picture, found, window, p)
            height, width = picture.shape[:2]
            picture, boxes = ssd_transform.ssd_transform(picture, found.boxes, p, random)
        found = self._moved(found.on(boxes), picture.shape[:2], (height, width), draws, index)
        return picture, float(record.datum.label) if record.annotations is None else found

    def _moved(
        self, found: Annotations, size: tuple[int, ...], before: tuple[int, int], draws: Draws, index: int
    ) -> Annotations:
        """Boxes as the crop and the mirror leave them."""
        down, right, high, wide = self._transform.window(size[0], size[1], draws, index)
        window = np.array([right, down, right + wide, down + high]) / np.array([size[1], size[0]] * 2)
        found = seen_in(window, found, self._settings)
        boxes = mirrored(found.boxes) if draws.mirror[index] else found.boxes
        if self._settings.HasField("resize_param"):
            boxes = ssd_transform.extrapolated(boxes, window, *before, self._settings.resize_param)
        return found.on(boxes)


def _rows(found: list[Annotations | float]) -> np.ndarray:
    """The label top of a batch."""
    if not isinstance(found[0], Annotations):
        return np.array([f if isinstance(f, float) else -1.0 for f in found], np.float32)
    parts = []
    for item, each in enumerate(found):
        if isinstance(each, Annotations):
            head = np.concatenate([np.full((len(each.boxes), 1), item), each.marks[:, :2]], 1)
            parts.append(np.concatenate([head, each.boxes, each.marks[:, 2:]], 1))
    rows = np.concatenate(parts).astype(np.float32)
    return (rows if len(rows) else np.full((1, 8), -1, np.float32))[None, None]


def parse_record(value: memoryview, *, typed: bool = False) -> Record:
    """An AnnotatedDatum: datum=1, type=2, annotation_group=3. `typed`: its boxes count without a type, too."""
    datum: Datum | None = None
    groups = []
    for number, kind, part in fields(value):
        if number == 1 and kind == BYTES and isinstance(part, memoryview):
            datum = decode_datum(part)
        elif number == 2:
            typed = True
        elif number == 3 and isinstance(part, memoryview):
            try:
                groups.append(message_class("AnnotationGroup").FromString(bytes(part)))
            except DecodeError as problem:
                raise InputError(f"The record is damaged: {problem}") from problem
    if datum is None:
        raise InputError("The record is no AnnotatedDatum", hint="Write the database with convert_annoset.")
    if not typed:
        return Record(datum, None)
    found = [(group.group_label, a.instance_id, a.bbox) for group in groups for a in group.annotation]
    boxes = np.array([(b.xmin, b.ymin, b.xmax, b.ymax) for *_, b in found], np.float64).reshape(-1, 4)
    marks = np.array([(label, instance, b.difficult) for label, instance, b in found], np.float64).reshape(-1, 3)
    return Record(datum, Annotations(boxes, marks))
