"""Where images and labels come in (catalogue 1.8). Reading and transforming them is the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradus.nets.caffe.layers.base import Layer, Shape, times

BLOB_LIMIT = 2**31 - 1  # values in one blob, as in Caffe


class Data(Layer):
    """Pictures and labels of a database, a batch at a time."""

    settings = "data_param"
    bottoms = (0, 0)
    tops = (1, 2)
    is_source = True
    overwritable = False


class Input(Layer):
    """Blobs that the caller fills; their shapes are in the text."""

    settings = "input_param"
    bottoms = (0, 0)
    tops = (1, None)
    is_source = True
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One shape for all tops, or one for each."""
        given, count = [tuple(s.dim) for s in p.shape], len(self.definition.message.top)
        if len(given) not in (1, count):
            raise self.error(f"gives {len(given)} shapes for {count} tops", at="input_param.shape")
        for shape in given:
            if any(d < 1 for d in shape):
                raise self.error(f"has the shape {times(shape)}; sizes are at least 1", at="input_param.shape")
        self.shapes = given * count if len(given) == 1 else given
