"""ImageData: picture files and labels from a list (catalogue 1.8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from gradus.core.errors import GradusError, InputError
from gradus.data.pictures import read_file
from gradus.data.records import decode_picture
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.sources.order import Order
from gradus.nets.caffe.sources.pictures import Kept, gather
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.transform import Pixels, Transform
from gradus.nets.caffe.text.prototxt import Definition

FIELD = "image_data_param.source"


class Entry(NamedTuple):
    """One line of the list."""

    path: str
    label: int
    line: int


def read_list(text: str) -> Iterator[Entry]:
    """`path label` on each line, parted by its last blank, as Caffe does; no escapes, unlike DIGITS' own lists."""
    for number, row in enumerate(text.split("\n"), 1):
        line = row.rstrip(" \t\r")
        if not line:
            continue
        at = max(line.rfind(" "), line.rfind("\t"))
        path, label = line[: max(at, 0)].rstrip(" \t"), line[at + 1 :]
        digits = label.removeprefix("-").removeprefix("+")
        if not path or "\0" in path or not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise InputError(
                f"line {number} is not of the form `path label`",
                line=number,
                hint="The label is a whole number behind the last blank; for other labels use HDF5Data.",
            )
        yield Entry(path, int(label), number)


class ImageData(Source):
    """Tops: pictures (N, C, H, W) in BGR or gray, sized by the first of each batch, and labels (N,)."""

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = self._settings = definition.message.image_data_param
        self.batch = self.positive(p.batch_size, "image_data_param.batch_size")
        if bool(p.new_height) != bool(p.new_width):
            raise self.error("needs both new_height and new_width, or none", at="image_data_param.new_height")
        self._transform = Transform(definition, reading)
        self._list = reading.path(definition, FIELD)
        with self.explaining(FIELD):
            self._entries = list(read_list(self._list.read_text("utf-8", "surrogateescape")))
        if not self._entries:
            raise self.error(f"has an empty list {self._list}", at=FIELD, hint="Write one `path label` on each line.")
        if p.dataset_share_per_node > 1 and reading.training:
            del self._entries[max(1, round(len(self._entries) / p.dataset_share_per_node)) :]
        random = reading.generator(f"{definition.name}/order", common=True)
        self._order = Order(
            len(self._entries),
            random if p.shuffle else None,
            rank=reading.rank if reading.training else 0,
            world=reading.world if reading.training else 1,
            skip=int(random.integers(p.rand_skip)) if p.rand_skip else 0,
        )
        self._kept = Kept(p.cache)  # NVIDIA's

    def shapes(self) -> list[Shape]:
        """As the next picture says."""
        with self.explaining(FIELD):
            picture = self._picture(self._order.peek())
            height, width = self._transform.size(*picture.shape[:2])
        return [(self.batch, picture.shape[2], height, width), (self.batch,)][: self.tops]

    def read(self) -> list[Tensor]:
        """The next pictures, read and decoded in threads."""
        with self.explaining(FIELD):
            chosen = self._order.take(self.batch).tolist()
            draws = self._transform.draw(self.batch)
            pictures = gather(
                self._transform, draws, lambda i: self._picture(chosen[i]), lambda i: self._place(chosen[i])
            )
        labels = np.fromiter((self._entries[i].label for i in chosen), np.float32, len(chosen))
        return [pictures, torch.from_numpy(labels)][: self.tops]

    def skip(self, batches: int) -> None:
        """Leave out pictures, and what would have been drawn for them."""
        for _ in range(batches):
            self._order.take(self.batch)
        self._transform.skip(self.batch, batches)

    def close(self) -> None:
        """End the threads."""
        self._transform.close()

    def _place(self, index: int) -> str:
        entry = self._entries[index]
        shown = entry.path[-80:].encode("utf-8", "surrogateescape").decode(errors="replace")
        return f"{shown} (line {entry.line} of {self._list.name})"

    def _picture(self, index: int) -> Pixels:
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        p = self._settings
        path = self.reading.root / (p.root_folder + self._entries[index].path)
        try:
            picture = read_picture(path, 3 if p.is_color else 1)
        except GradusError as problem:
            raise InputError(f"{self._place(index)}: {problem}", hint=_HINT) from problem
        height, width = p.new_height, p.new_width
        if p.short_side:
            rows, columns = picture.shape[:2]
            height, width = (p.short_side * side // min(rows, columns) for side in (rows, columns))
        if height:
            resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
            picture = resized[..., None] if resized.ndim == 2 else resized
        return self._kept.keep(index, picture)


_HINT = "Paths are relative to root_folder; take the line out if the picture is of no use."


def read_picture(path: Path, channels: int) -> Pixels:
    """A picture file as OpenCV reads it: upright (height, width, channels), BGR or gray."""
    return decode_picture(memoryview(read_file(path.resolve())), channels, turned=True)
