"""Pictures that are read one by one, in threads, become one batch."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import cv2
import numpy as np
from torch import Tensor

from gradus.core.errors import InputError
from gradus.data.memory import available_memory
from gradus.nets.caffe.sources.transform import Draws, Pixels, Transform


def gather(transform: Transform, draws: Draws, picture: Callable[[int], Pixels], name: Callable[[int], str]) -> Tensor:
    """Transform the pictures that `picture(i)` gives as (height, width, channels), one for each draw: (N, C, h, w).

    All must come out as large as the first. `name(i)` is what to call a picture that does not.
    """
    first = transform.cut(picture(0), draws, 0)
    out = np.empty((len(draws.mirror), first.shape[2], *first.shape[:2]), first.dtype)
    _spread(first, out[0])

    def place(index: int) -> None:
        cut = transform.cut(picture(index + 1), draws, index + 1)
        if cut.shape != first.shape or cut.dtype != first.dtype:
            raise InputError(
                f"{name(index + 1)} comes out as {_described(cut)}, the first of its batch as {_described(first)}",
                hint="A batch needs pictures of one size: set a crop_size, or make them alike.",
            )
        _spread(cut, out[index + 1])

    transform.pool.each(place, len(out) - 1)
    return transform.finish(out, draws)


def _spread(cut: Pixels, planes: Pixels) -> None:
    """Write (h, w, C) pixels as (C, h, w) planes."""
    if cut.shape[2] in (3, 4) and cut.strides[1:] == (cut.shape[2] * cut.itemsize, cut.itemsize):
        cv2.split(cut, list(planes))  # into the planes given; three times as fast as numpy
    else:
        np.copyto(planes, cut.transpose(2, 0, 1))


class Kept:
    """Pictures that stay in memory once they are decoded, where `wanted`, up to half of what is free."""

    def __init__(self, wanted: bool) -> None:
        self._room = available_memory() // 2 if wanted else 0
        self._pictures: dict[int, Pixels] = {}
        self._lock = Lock()

    def get(self, number: int) -> Pixels | None:
        """The picture, if it is kept."""
        return self._pictures.get(number)

    def keep(self, number: int, picture: Pixels) -> Pixels:
        """The picture, kept if there is room."""
        with self._lock:
            if picture.nbytes <= self._room:
                self._pictures[number] = picture
                self._room -= picture.nbytes
        return picture


def _described(cut: Pixels) -> str:
    height, width, channels = cut.shape
    kind = "" if cut.dtype == np.uint8 else " of decimal values"
    return f"{width} x {height} with {channels} channel{'s' if channels > 1 else ''}{kind}"
