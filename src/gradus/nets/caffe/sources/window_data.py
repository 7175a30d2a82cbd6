"""WindowData: boxes cut out of pictures and warped to one size, as R-CNN trains on them (catalogue 1.8)."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradus.core.errors import GradusError, InputError
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.sources.image_data import read_picture
from gradus.nets.caffe.sources.pictures import Kept
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.transform import Draws, Pixels, Transform
from gradus.nets.caffe.sources.windows import WindowPicture, read_windows
from gradus.nets.caffe.text.prototxt import Definition

FIELD = "window_data_param.source"


class WindowData(Source):
    """Tops: windows (N, C, crop, crop), first the background's and then the foreground's, and labels (N,).

    Foreground are windows that overlap an object by `fg_threshold` or more; background, with label 0, by less than
    `bg_threshold`. `fg_fraction` of a batch are foreground, all drawn at random.
    """

    def __init__(self, definition: Definition, reading: Reading) -> None:
        super().__init__(definition, reading)
        p = self._settings = definition.message.window_data_param
        self.batch = self.positive(p.batch_size, "window_data_param.batch_size")
        self._transform = Transform(definition, replace(reading, training=False))  # the mean's centre in both phases
        crop = definition.message.transform_param.crop_size
        self._crop = self.positive(crop, "transform_param.crop_size")
        if 2 * p.context_pad >= crop:
            raise self.error("has a context_pad that leaves nothing of the crop", at="window_data_param.context_pad")
        if p.crop_mode not in ("warp", "square"):
            hint = 'crop_mode is "warp" or "square".'
            raise self.error(f'has the crop_mode "{p.crop_mode[:80]}"', at="window_data_param.crop_mode", hint=hint)
        path = reading.path(definition, FIELD)
        with self.explaining(FIELD):
            self._pictures = list(read_windows(path.read_text("utf-8", "surrogateescape")))
            self._background, self._foreground = self._sorted()
        self._channels = 3  # as OpenCV reads them, whatever the file says
        self._foregrounds = int(np.float32(self.batch) * np.float32(p.fg_fraction))
        for count, windows, name in (
            (self.batch - self._foregrounds, self._background, "background"),
            (self._foregrounds, self._foreground, "foreground"),
        ):
            if count < 0 or (count and not len(windows)):
                hint = "Look at fg_threshold, bg_threshold and fg_fraction."
                raise self.error(f"needs {count} {name} windows a batch and has {len(windows)}", at=FIELD, hint=hint)
        self._random = reading.generator(definition.name)
        self._kept = Kept(p.cache_images)

    def _sorted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Background and foreground windows: picture, label, overlap, x1, y1, x2, y2."""
        p = self._settings
        rows = [
            np.column_stack((np.full(len(picture.windows), i), picture.windows))
            for i, picture in enumerate(self._pictures)
        ]
        windows = np.concatenate(rows) if rows else np.zeros((0, 7))
        overlap = windows[:, 2].astype(np.float32)
        foreground = overlap >= np.float32(p.fg_threshold)
        background = ~foreground & (overlap < np.float32(p.bg_threshold))
        wrong = np.flatnonzero(foreground & (windows[:, 1] < 1))
        if wrong.size:
            picture = self._pictures[int(windows[wrong[0], 0])]
            raise InputError(
                f"the picture of line {picture.line} has a foreground window without a class",
                hint="Labels of objects start at 1; 0 is the background.",
            )
        windows[background, 1] = 0
        return windows[background], windows[foreground]

    def shapes(self) -> list[Shape]:
        """As the text says."""
        return [(self.batch, self._channels, self._crop, self._crop), (self.batch,)][: self.tops]

    def read(self) -> list[Tensor]:
        """New windows, drawn at random."""
        chosen = np.concatenate([
            windows[self._random.integers(len(windows), size=count)]
            for windows, count in (
                (self._background, self.batch - self._foregrounds), (self._foreground, self._foregrounds),
            )
            if count
        ])  # fmt: skip
        mirror = self._transform.draw(self.batch).mirror
        out = np.zeros((self.batch, self._channels, self._crop, self._crop), np.uint8)
        # the older scale, and zero beyond the picture, where there is no mean to subtract either
        inside = np.zeros((self.batch, 1, self._crop, self._crop), np.float32)

        def place(index: int) -> None:
            number, box = int(chosen[index, 0]), chosen[index, 3:]
            picture, p = self._picture(number), self._settings
            try:
                pixels, top, left = warp(
                    picture, box, self._crop, p.context_pad, square=p.crop_mode == "square", mirror=bool(mirror[index])
                )
            except InputError as problem:
                raise InputError(f"{self._name(self._pictures[number])}: {problem}") from problem
            where = (index, slice(None), slice(top, top + pixels.shape[0]), slice(left, left + pixels.shape[1]))
            out[where], inside[where] = pixels.transpose(2, 0, 1), self._settings.scale

        with self.explaining(FIELD):
            self._transform.pool.each(place, self.batch)
            nothing = np.zeros((self.batch, 0))
            data = self._transform.finish(out, Draws(np.zeros(self.batch, np.bool_), nothing, nothing))
        data.mul_(torch.from_numpy(inside))
        return [data, torch.from_numpy(chosen[:, 1].astype(np.float32))][: self.tops]

    def close(self) -> None:
        """End the threads."""
        self._transform.close()

    def _name(self, picture: WindowPicture) -> str:
        return f"{picture.path[-80:].encode(errors='replace').decode()} (line {picture.line})"

    def _picture(self, number: int) -> Pixels:
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        entry = self._pictures[number]
        path = self.reading.root / (self._settings.root_folder + entry.path)
        try:
            return self._kept.keep(number, read_picture(path, self._channels))
        except GradusError as problem:
            raise InputError(f"{self._name(entry)}: {problem}") from problem


def warp(
    picture: Pixels, box: NDArray[np.float64], crop: int, context: int, *, square: bool, mirror: bool
) -> tuple[Pixels, int, int]:
    """Cut x1, y1, x2, y2 (ends inside) out of a picture, with context, and resize it: pixels, and their top and left.

    `context` is in pixels of the crop: as much of what surrounds the box is on each of its sides. What lies beyond
    the picture is left out, so that the pixels may fill only a part of the crop. `mirror` mirrors them and where
    they lie. The arithmetic is Caffe's, in its precision.
    """
    ends = np.array((box[:2], box[2:]), np.int64)  # (x1, y1), (x2, y2)
    size, before = np.array((crop, crop)), np.zeros(2, np.int64)
    sides = np.array(picture.shape[1::-1])
    if context or square:
        factor = np.float32(crop) / np.float32(crop - 2 * context)
        half = (ends[1] - ends[0] + 1).astype(np.float32) / np.float32(2)
        centre = ends[0].astype(np.float32) + half
        if square:
            half = np.full(2, half.max(), np.float32)
        ends = np.stack((_rounded(centre - half * factor), _rounded(centre + half * factor)))
        scale = np.float32(crop) / (ends[1] - ends[0] + 1).astype(np.float32)
        outside = np.stack((np.maximum(0, -ends[0]), np.maximum(0, ends[1] - sides + 1)))
        ends = ends + outside * np.array(((1,), (-1,)))
        size = _rounded((ends[1] - ends[0] + 1).astype(np.float32) * scale)
        padding = _rounded(outside.astype(np.float32) * scale)
        before = np.array((padding[int(mirror), 0], padding[0, 1]))
        size = np.minimum(size, crop - before)  # rounding may have made it larger
    (x1, y1), (x2, y2) = ends.tolist()
    if min(x1, y1) < 0 or x2 < x1 or y2 < y1 or x2 >= sides[0] or y2 >= sides[1] or min(size) < 1:
        corners = ", ".join(str(int(corner)) for corner in box)
        raise InputError(f"the window {corners} does not lie in the picture of {sides[0]} x {sides[1]}")
    width, height = size.tolist()
    pixels = cv2.resize(picture[y1 : y2 + 1, x1 : x2 + 1], (width, height), interpolation=cv2.INTER_LINEAR)
    return (pixels[:, ::-1] if mirror else pixels), int(before[1]), int(before[0])


def _rounded(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """To the nearest whole number, halves away from zero as C's `round` does."""
    exact = values.astype(np.float64)
    return np.asarray(np.copysign(np.floor(np.abs(exact) + 0.5), exact), np.int64)
